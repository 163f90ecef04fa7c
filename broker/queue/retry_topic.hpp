// Retry topics: a consumer that cannot handle a record produces it to TOPIC.GROUP.retry, with its
// headers, and gets it from there again when the group's backoff is over. The broker counts the
// attempts in a header that it can verify, and after the last the record is a dead letter.
#pragma once

#include "base/random.hpp"
#include "broker/catalog.hpp"
#include "broker/queue/delay_rule.hpp"
#include "broker/queue/siphash.hpp"
#include "broker/share/retry_policy.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::broker {

inline constexpr std::string_view retry_topic_suffix = ".retry";

// Whose retry topic a name is.
struct RetryName {
  const Topic* source = nullptr;
  std::string_view group;
};
// TOPIC.GROUP.retry, where TOPIC exists and has sluice.retry.enable. Names may have dots: the
// longest such TOPIC wins. nullopt: the name is none, or no such topic exists.
// Lifetime: borrows the catalog and `name`.
std::optional<RetryName> find_retry_name(const Catalog& catalog, std::string_view name);

// What the broker says of a requeued record, in sluice-retry-attempt:
// "ATTEMPT:PARTITION:OFFSET:FIRST:MAC". PARTITION and OFFSET: where in the retry topic it was
// requeued first; FIRST: when, ms; MAC: 16 hex digits over all of it, the group and the source.
struct RetryStamp {
  std::int32_t attempt = 0;
  PartitionIndex partition = 0;
  Offset offset = -1;
  std::int64_t first_ms = -1;
  bool operator==(const RetryStamp&) const = default;
};
struct RetryIdentity {
  HashKey key{};  // of this data directory
  std::string source;
  std::string group;
};
std::string write_retry_stamp(const RetryStamp& stamp, const RetryIdentity& identity);
// nullopt: the broker did not write this, or for another group or source.
std::optional<RetryStamp> read_retry_stamp(std::string_view text, const RetryIdentity& identity);

// Every record produced to a retry topic waits, or is exhausted.
class RetryRule final : public DelayRule {
 public:
  struct Settings {
    RetryIdentity identity;
    RetryPolicy policy;
    std::int32_t attempts_max = 0;  // 0: never exhausted
    std::int64_t now_ms = 0;
    PartitionIndex partition = 0;
    Offset base_offset = 0;  // that the batch is going to have
    std::uint64_t seed = 0;  // of the jitter
  };
  explicit RetryRule(Settings settings) : settings_(std::move(settings)), random_(settings_.seed) {}

  std::expected<std::optional<Delay>, std::string> look(const protocol::BatchHeader& batch,
                                                        const protocol::Record& record,
                                                        std::deque<std::string>& texts) override;

 private:
  Settings settings_;
  SeededRandom random_;
};

}  // namespace sluice::broker
