// What an operator does before the work begins: topics and configs, again and again until the
// broker has confirmed them.
#pragma once

#include "tests/simulation/client.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sluice::simulation {

using Configs = std::vector<std::pair<std::string, std::string>>;

class Setup final : public Client {
 public:
  using Client::Client;

  // One that exists already is taken for the one of an attempt whose answer was lost.
  Task<> make_topic(std::string name, std::int32_t partitions, Configs configs);
  Task<> configure_group(std::string group, Configs configs);
  // Of the topic made last.
  const TopicId& topic() const { return topic_; }

 private:
  Task<bool> look_up(std::string name);

  TopicId topic_;
};

}  // namespace sluice::simulation
