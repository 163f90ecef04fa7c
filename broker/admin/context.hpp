// What the admin APIs have in common: what they see, and what they want changed.
//
// Each API is a pure function of (request, version, Context). One that only reads returns its
// response; one that changes something returns a Plan, which the caller commits and settles:
//
//   ReplyArena arena;                                  // lives until the reply is encoded
//   const admin::Context context{…, .catalog = store.snapshot(), .arena = arena};
//   auto plan = admin::create_topics(request, version, context);
//   if (!plan.changes.empty()) {
//     auto outcome = co_await store.commit(plan.changes);      // on shard 0
//     admin::settle(plan, outcome, arena);                     // errors of the commit, per entry
//   }
//   reply(plan.response);
//
// Responses borrow from the request frame, the arena, and the snapshots that the functions keep in
// the arena.
#pragma once

#include "base/random.hpp"
#include "broker/catalog.hpp"
#include "broker/catalog_store.hpp"
#include "broker/options.hpp"
#include "broker/reply_arena.hpp"
#include "protocol/error_code.hpp"
#include "protocol/ids.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker::admin {

using protocol::ErrorCode;
using protocol::Version;

// What is known of one partition beside the catalog.
struct PartitionState {
  LeaderEpoch leader_epoch = 0;
  bool available = true;          // false: its log is not open. One that takes no records is read
  std::int64_t size_on_disk = 0;  // bytes; only DescribeLogDirs asks
};
// Answered by the broker, from what its shards last told.
class PartitionFacts {
 public:
  virtual ~PartitionFacts() = default;
  virtual PartitionState state(const Topic& topic, PartitionIndex partition) const = 0;
};

struct Context {
  CatalogSnapshot catalog;
  std::shared_ptr<const Options> options;  // with the dynamic configs applied
  std::string_view cluster_id;
  Endpoint self;  // where this client reaches us: advertised_endpoint()
  const PartitionFacts& partitions;
  Random& random;           // topic ids
  std::int64_t now_ms = 0;  // wall clock
  ReplyArena& arena;

  BrokerId node() const { return options->node_id; }
};

// A response that holds once `changes` are durable.
template <class Response>
struct Plan {
  Response response;
  std::vector<CatalogChange> changes;
  std::vector<std::size_t> entries;  // for each change, the entry of the response it belongs to

  void add(CatalogChange change, std::size_t entry) {
    changes.push_back(std::move(change));
    entries.push_back(entry);
  }
};

// Error and message for a client.
struct Refusal {
  ErrorCode code = ErrorCode::none;
  std::string message;
};
// What a refused or failed commit is to a client.
Refusal refusal_of(const Error& error);

// Sets error and message of a response entry; a response whose entries have more to take back
// overloads it.
template <class Entry>
void refuse(Entry& entry, Refusal refusal, ReplyArena& arena) {
  entry.error_code = refusal.code;
  if constexpr (requires { entry.error_message = std::string_view{}; })
    if (!refusal.message.empty()) entry.error_message = arena.keep(std::move(refusal.message));
}

// The list that a plan's entries index.
template <class Response>
auto& plan_entries(Response& response) {
  if constexpr (requires { response.responses; })
    return response.responses;
  else if constexpr (requires { response.results; })
    return response.results;
  else
    return response.topics;
}

// Marks the entries whose changes did not happen.
template <class Response>
void settle(Plan<Response>& plan, const Result<CommitOutcome>& outcome, ReplyArena& arena) {
  auto& entries = plan_entries(plan.response);
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    if (!outcome)
      refuse(entries[plan.entries[i]], refusal_of(outcome.error()), arena);
    else if (outcome->faults[i].code)
      refuse(entries[plan.entries[i]], refusal_of(outcome->faults[i]), arena);
  }
}

// Operations a client may do where nothing is forbidden: bit n for Kafka's AclOperation n.
inline constexpr std::int32_t topic_operations =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
inline constexpr std::int32_t cluster_operations =
    1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

}  // namespace sluice::broker::admin
