// CreateTopics (19), DeleteTopics (20), CreatePartitions (37).
#pragma once

#include "broker/admin/context.hpp"
#include "protocol/messages/create_partitions.hpp"
#include "protocol/messages/create_topics.hpp"
#include "protocol/messages/delete_topics.hpp"

namespace sluice::broker::admin {

// A topic that was not created reports no id, partitions or configs.
void refuse(protocol::CreateTopicsResponse::Topic& entry, Refusal refusal, ReplyArena& arena);

// Checks in Kafka's order; validate_only runs all of them and changes nothing.
Plan<protocol::CreateTopicsResponse> create_topics(const protocol::CreateTopicsRequest& request,
                                                   const Context& context);

// By name up to version 5, by name or id from 6. Internal topics are refused
// (INVALID_TOPIC_EXCEPTION): they hold this broker's state.
Plan<protocol::DeleteTopicsResponse> delete_topics(const protocol::DeleteTopicsRequest& request,
                                                   Version version, const Context& context);

// Internal topics are refused (INVALID_TOPIC_EXCEPTION): their records are placed by the count.
Plan<protocol::CreatePartitionsResponse> create_partitions(
    const protocol::CreatePartitionsRequest& request, const Context& context);

// A new topic with a random id that no topic of `catalog` has.
CreateTopic new_topic(std::string name, std::int32_t partitions, ConfigMap overrides,
                      const Catalog& catalog, Random& random, std::int64_t now_ms);
// TOPIC.GROUP.retry for a TOPIC that has sluice.retry.enable: as many partitions, and its configs
// but for compaction. nullopt: `name` is no such name, or cannot be made.
std::optional<CreateTopic> retry_topic(std::string_view name, const Catalog& catalog,
                                       Random& random, std::int64_t now_ms);
// __share_group_state, to commit before the first share group is served: one partition a shard.
CreateTopic share_state_topic(const Options& options, const Catalog& catalog, Random& random,
                              std::int64_t now_ms);
// A dead-letter topic that takes records of share groups and keeps them for good.
CreateTopic dead_letter_topic(std::string name, const Options& options, const Catalog& catalog,
                              Random& random, std::int64_t now_ms);
// __sluice_schedules, to commit with the first topic whose records may wait: one partition a shard.
CreateTopic schedules_topic(const Options& options, const Catalog& catalog, Random& random,
                            std::int64_t now_ms);
// __consumer_offsets with its configs, to commit before the first group is served.
CreateTopic offsets_topic(const Options& options, const Catalog& catalog, Random& random,
                          std::int64_t now_ms);

}  // namespace sluice::broker::admin
