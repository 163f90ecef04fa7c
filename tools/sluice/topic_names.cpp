#include "tools/sluice/topic_names.hpp"

#include <vector>

namespace sluice::cli {

Exit no_such_topic(Admin& admin, const std::string& name) {
  std::string text = "no topic '" + name + "'";
  std::vector<std::string> names;
  if (const auto topics = admin.topics())
    for (const auto& topic : *topics) names.push_back(topic.name);
  if (const auto near = suggestion(name, names); !near.empty()) text += "; " + near;
  return complain(Exit::not_found, text);
}

}  // namespace sluice::cli
