#include "tests/simulation/setup.hpp"

#include "protocol/messages/create_topics.hpp"
#include "protocol/messages/incremental_alter_configs.hpp"
#include "protocol/messages/metadata.hpp"

namespace sluice::simulation {

using protocol::ErrorCode;

namespace {

constexpr int attempts = 100;
constexpr std::int8_t group_resource = 32;

}  // namespace

Task<> Setup::make_topic(std::string name, std::int32_t partitions, Configs configs) {
  protocol::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  topic.num_partitions = partitions;
  topic.replication_factor = 1;
  for (const auto& [key, value] : configs) topic.configs.push_back({key, value});
  ErrorCode error = ErrorCode::none;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const auto answer = co_await ask<protocol::CreateTopicsResponse>(request, 5);
    if (!answer) continue;
    error = answer->body.topics.at(0).error_code;
    const bool there = error == ErrorCode::none || error == ErrorCode::topic_already_exists;
    const bool found = there && co_await look_up(name);
    if (found) co_return;
  }
  world_.verdict.fail("topic " + name + " could not be made: " + std::string(to_string(error)));
}

Task<bool> Setup::look_up(std::string name) {
  protocol::MetadataRequest request;
  request.topics.emplace().emplace_back().name = name;
  const auto answer = co_await ask<protocol::MetadataResponse>(request, 12);
  if (!answer || answer->body.topics.at(0).error_code != ErrorCode::none) co_return false;
  topic_ = answer->body.topics.at(0).topic_id;
  co_return true;
}

Task<> Setup::configure_group(std::string group, Configs configs) {
  protocol::IncrementalAlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = group_resource;
  resource.resource_name = group;
  for (const auto& [key, value] : configs) resource.configs.push_back({key, 0, value});
  ErrorCode error = ErrorCode::none;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const auto answer = co_await ask<protocol::IncrementalAlterConfigsResponse>(request, 1);
    if (!answer) continue;
    error = answer->body.responses.at(0).error_code;
    if (error == ErrorCode::none) co_return;
  }
  world_.verdict.fail("group " + group +
                      " could not be configured: " + std::string(to_string(error)));
}

}  // namespace sluice::simulation
