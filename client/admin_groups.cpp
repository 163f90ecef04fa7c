// The part of Admin that deals with groups and their offsets.
#include "client/admin_core.hpp"
#include "client/consumer_protocol.hpp"
#include "protocol/messages/consumer_group_describe.hpp"
#include "protocol/messages/delete_groups.hpp"
#include "protocol/messages/describe_groups.hpp"
#include "protocol/messages/list_groups.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

using client::outcome;

Result<std::vector<GroupListing>> Admin::groups(Deadline deadline) {
  const auto known = cluster(deadline);
  if (!known) return std::unexpected(known.error());
  std::vector<GroupListing> groups;
  for (const auto& broker : known->brokers) {  // each knows those that it coordinates
    const protocol::ListGroupsRequest request;
    const auto reply = core_->ask_node<protocol::ListGroupsResponse>(broker.id, request, deadline);
    if (!reply) return std::unexpected(reply.error());
    const auto good = outcome(reply->body.error_code, "list groups");
    if (!good) return std::unexpected(good.error());
    for (const auto& group : reply->body.groups)
      groups.push_back({.id = std::string(group.group_id),
                        .protocol_type = std::string(group.protocol_type),
                        .state = std::string(group.group_state),
                        .type = std::string(group.group_type)});
  }
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return groups;
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
      if (auto assignment = client::decode_assignment(member.member_assignment))
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

Result<GroupDescription> Admin::describe_group(const std::string& id, Deadline deadline) {
  const auto coordinator =
      core_->run(core_->cluster().find_coordinator(id, core_->until(deadline)));
  if (!coordinator) return std::unexpected(coordinator.error());
  GroupDescription description;
  // KIP-848 groups answer to their own request only; a classic or unknown one is refused there.
  protocol::ConsumerGroupDescribeRequest modern;
  modern.group_ids.push_back(id);
  const auto first =
      core_->ask_node<protocol::ConsumerGroupDescribeResponse>(*coordinator, modern, deadline);
  if (first && first->body.groups.size() == 1 &&
      first->body.groups.front().error_code == ErrorCode::none) {
    description = describe_modern(first->body.groups.front());
  } else {
    protocol::DescribeGroupsRequest request;
    request.groups.push_back(id);
    const auto reply =
        core_->ask_node<protocol::DescribeGroupsResponse>(*coordinator, request, deadline);
    if (!reply) return std::unexpected(reply.error());
    if (reply->body.groups.size() != 1) return fail(Errc::malformed_response, "DescribeGroups");
    const auto& group = reply->body.groups.front();
    const auto good = outcome(group.error_code, "group " + id, group.error_message);
    if (!good) return std::unexpected(good.error());
    description = describe_classic(group);
  }
  description.coordinator = *coordinator;
  std::sort(description.members.begin(), description.members.end(),
            [](const auto& a, const auto& b) { return a.member_id < b.member_id; });
  return description;
}

Result<std::map<TopicPartition, CommittedOffset>> Admin::group_offsets(const std::string& id,
                                                                       Deadline deadline) {
  auto link = core_->run(core_->coordinator(id, core_->until(deadline)));
  if (!link) return std::unexpected(link.error());
  return core_->run(fetch_committed(*link, id, std::nullopt, Isolation::read_uncommitted,
                                    core_->until(deadline)));
}

Result<> Admin::alter_group_offsets(const std::string& id,
                                    const std::map<TopicPartition, CommittedOffset>& offsets,
                                    Deadline deadline) {
  auto link = core_->run(core_->coordinator(id, core_->until(deadline)));
  if (!link) return std::unexpected(link.error());
  const auto answer = core_->run(
      commit_offsets(*link, client::Committer{.group_id = id}, offsets, core_->until(deadline)));
  if (!answer) return std::unexpected(answer.error());
  for (const auto& [where, code] : *answer) {
    const auto good = outcome(code, "offset of group " + id + " in " + where.topic + "-" +
                                        std::to_string(where.partition));
    if (!good) return good;
  }
  return {};
}

Result<> Admin::delete_group(const std::string& id, Deadline deadline) {
  protocol::DeleteGroupsRequest request;
  request.groups_names.push_back(id);
  const auto reply = core_->ask_coordinator<protocol::DeleteGroupsResponse>(id, request, deadline);
  if (!reply) return std::unexpected(reply.error());
  if (reply->body.results.size() != 1) return fail(Errc::malformed_response, "DeleteGroups");
  return outcome(reply->body.results.front().error_code, "delete group " + id);
}

}  // namespace sluice
