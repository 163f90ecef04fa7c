// The part of Admin that deals with groups and their offsets.
#include "client/admin_core.hpp"
#include "client/consumer_protocol.hpp"
#include "protocol/messages/consumer_group_describe.hpp"
#include "protocol/messages/delete_groups.hpp"
#include "protocol/messages/describe_groups.hpp"
#include "protocol/messages/list_groups.hpp"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

// Brokers spell the types of groups with and without a capital: "Share", "share".
std::string small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

}  // namespace

Task<Result<std::vector<GroupListing>>> AdminCore::groups(TimePoint until) {
  const auto known = co_await describe_cluster(until);
  if (!known) co_return std::unexpected(known.error());
  std::vector<GroupListing> groups;
  for (const auto& broker : known->brokers) {  // each knows those that it coordinates
    const protocol::ListGroupsRequest request;
    const auto reply = co_await ask_node<protocol::ListGroupsResponse>(broker.id, request, until);
    if (!reply) co_return std::unexpected(reply.error());
    const auto good = outcome(reply->body.error_code, "list groups");
    if (!good) co_return std::unexpected(good.error());
    for (const auto& group : reply->body.groups)
      groups.push_back({.id = std::string(group.group_id),
                        .protocol_type = std::string(group.protocol_type),
                        .state = std::string(group.group_state),
                        .type = small_letters(group.group_type)});
  }
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  co_return groups;
}

namespace {

GroupDescription describe_classic(const protocol::DescribeGroupsResponse::Group& group) {
  GroupDescription description{.id = std::string(group.group_id),
                               .state = std::string(group.group_state),
                               .type = "classic",
                               .protocol_type = std::string(group.protocol_type),
                               .protocol = std::string(group.protocol_data)};
  for (const auto& member : group.members) {
    GroupMemberDescription row{.member_id = std::string(member.member_id),
                               .client_id = std::string(member.client_id),
                               .host = std::string(member.client_host)};
    if (member.group_instance_id) row.instance_id = std::string(*member.group_instance_id);
    if (group.protocol_type == "consumer")
      if (auto assignment = decode_assignment(member.member_assignment))
        row.assignment = std::move(*assignment);
    description.members.push_back(std::move(row));
  }
  return description;
}

GroupDescription describe_modern(const protocol::ConsumerGroupDescribeResponse::Group& group) {
  GroupDescription description{.id = std::string(group.group_id),
                               .state = std::string(group.group_state),
                               .type = "consumer",
                               .protocol_type = "consumer",
                               .protocol = std::string(group.assignor_name)};
  for (const auto& member : group.members) {
    GroupMemberDescription row{.member_id = std::string(member.member_id),
                               .client_id = std::string(member.client_id),
                               .host = std::string(member.client_host)};
    if (member.instance_id) row.instance_id = std::string(*member.instance_id);
    for (const auto& topic : member.assignment.topic_partitions)
      for (const auto partition : topic.partitions)
        row.assignment.push_back({std::string(topic.topic_name), partition});
    description.members.push_back(std::move(row));
  }
  return description;
}

}  // namespace

// A coordinator that moves, or that still reads the groups it got, says so: it is asked again.
template <class T>
Task<Result<T>> AdminCore::when_coordinated(std::move_only_function<Task<Result<T>>()> ask,
                                            TimePoint until) {
  for (int attempt = 0;; ++attempt) {
    auto answer = co_await ask();
    const bool moving = !answer && (answer.error().is(ErrorCode::not_coordinator) ||
                                    answer.error().is(ErrorCode::coordinator_load_in_progress) ||
                                    answer.error().is(ErrorCode::coordinator_not_available));
    if (!moving || cluster_->now() >= until) co_return answer;
    co_await cluster_->back_off(attempt, until);
  }
}

Task<Result<GroupDescription>> AdminCore::describe_group(std::string id, TimePoint until) {
  return when_coordinated<GroupDescription>(
      [this, id = std::move(id), until] { return describe_group_once(id, until); }, until);
}

Task<Result<GroupDescription>> AdminCore::describe_group_once(std::string id, TimePoint until) {
  const auto node = co_await cluster_->find_coordinator(id, until);
  if (!node) co_return std::unexpected(node.error());
  GroupDescription description;
  // KIP-848 groups answer to their own request only; a classic or unknown one is refused there.
  protocol::ConsumerGroupDescribeRequest modern;
  modern.group_ids.push_back(id);
  const auto first =
      co_await ask_node<protocol::ConsumerGroupDescribeResponse>(*node, modern, until);
  if (first && first->body.groups.size() == 1 &&
      first->body.groups.front().error_code == ErrorCode::none) {
    description = describe_modern(first->body.groups.front());
  } else {
    protocol::DescribeGroupsRequest request;
    request.groups.push_back(id);
    const auto reply = co_await ask_node<protocol::DescribeGroupsResponse>(*node, request, until);
    if (!reply) co_return std::unexpected(reply.error());
    if (reply->body.groups.size() != 1) co_return fail(Errc::malformed_response, "DescribeGroups");
    const auto& group = reply->body.groups.front();
    const auto good = outcome(group.error_code, "group " + id, group.error_message);
    if (!good) co_return std::unexpected(good.error());
    description = describe_classic(group);
  }
  description.coordinator = *node;
  std::sort(description.members.begin(), description.members.end(),
            [](const auto& a, const auto& b) { return a.member_id < b.member_id; });
  co_return description;
}

Task<Result<Cluster::Link>> AdminCore::coordinator(std::string group, TimePoint until) {
  const auto id = co_await cluster_->find_coordinator(std::move(group), until);
  if (!id) co_return std::unexpected(id.error());
  co_return co_await cluster_->node(*id, until);
}

Task<Result<Admin::GroupOffsets>> AdminCore::group_offsets(std::string id, TimePoint until) {
  return when_coordinated<Admin::GroupOffsets>(
      [this, id = std::move(id), until] { return group_offsets_once(id, until); }, until);
}

Task<Result<Admin::GroupOffsets>> AdminCore::group_offsets_once(std::string id, TimePoint until) {
  auto link = co_await coordinator(id, until);
  if (!link) co_return std::unexpected(link.error());
  co_return co_await fetch_committed(*link, id, std::nullopt, Isolation::read_uncommitted, until);
}

Task<Result<>> AdminCore::alter_group_offsets(std::string id, Admin::GroupOffsets offsets,
                                              TimePoint until) {
  return when_coordinated<void>([this, id = std::move(id), offsets = std::move(offsets),
                                 until] { return alter_group_offsets_once(id, offsets, until); },
                                until);
}

Task<Result<>> AdminCore::alter_group_offsets_once(std::string id, Admin::GroupOffsets offsets,
                                                   TimePoint until) {
  auto link = co_await coordinator(id, until);
  if (!link) co_return std::unexpected(link.error());
  Committer committer{.group_id = id};
  const auto answer =
      co_await commit_offsets(*link, std::move(committer), std::move(offsets), until);
  if (!answer) co_return std::unexpected(answer.error());
  for (const auto& [where, code] : *answer) {
    auto good = outcome(code, "offset of group " + id + " in " + where.to_string());
    if (!good) co_return good;
  }
  co_return Result<>{};
}

Task<Result<>> AdminCore::delete_group(std::string id, TimePoint until) {
  return when_coordinated<void>(
      [this, id = std::move(id), until] { return delete_group_once(id, until); }, until);
}

Task<Result<>> AdminCore::delete_group_once(std::string id, TimePoint until) {
  auto link = co_await coordinator(id, until);
  if (!link) co_return std::unexpected(link.error());
  protocol::DeleteGroupsRequest request;
  request.groups_names.push_back(id);
  const auto reply = co_await call<protocol::DeleteGroupsResponse>(*link, request, until);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->body.results.size() != 1) co_return fail(Errc::malformed_response, "DeleteGroups");
  co_return outcome(reply->body.results.front().error_code, "delete group " + id);
}

}  // namespace sluice::client
