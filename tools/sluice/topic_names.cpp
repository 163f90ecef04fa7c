#include "tools/sluice/topic_names.hpp"

#include <vector>

namespace sluice::cli {

Exit no_such_topic(Admin& admin, const std::string& name) {
  std::vector<std::string> names;
  if (const auto topics = admin.topics())
    for (const auto& topic : *topics) names.push_back(topic.name);
  return no_such("topic", name, names);
}

Exit no_such_topic(const Global& global, const std::string& name) {
  auto admin = Admin::create(global.client_options());
  return admin ? no_such_topic(*admin, name) : no_such("topic", name, {});
}

std::string no_partition_text(const std::string& topic, PartitionIndex partition,
                              std::size_t count) {
  std::string text = "no partition " + std::to_string(partition) + " in topic '" + topic + "'";
  if (count > 1) text += ", which has 0 to " + std::to_string(count - 1);
  if (count == 1) text += ", which has only 0";
  return text;
}

}  // namespace sluice::cli
