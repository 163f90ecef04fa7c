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

}  // namespace sluice::cli
