// What a topic asks of the batches produced to it: the checks, and the changes made to a batch
// before it is stored (design: in place or not).
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "broker/topic_config.hpp"
#include "protocol/batch_check.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::broker {

class Shard;

protocol::CheckPolicy check_policy(const TopicConfig& config, std::int16_t api_version,
                                   std::int64_t now_ms);

// The records of a compressed batch, in slices between which the shard does other work.
// Requires: check_batch() accepted `batch`. Lifetime: `batch` is borrowed until it returns.
Task<std::expected<protocol::CheckedBatch, protocol::BatchRefusal>> check_compressed(
    Shard& shard, Bytes batch, protocol::CheckPolicy policy);

struct RewritePlan {
  bool needed = false;
  bool stamp = false;                            // LogAppendTime
  bool correct_max_timestamp = false;            // the header contradicts its records
  std::optional<protocol::Compression> codec{};  // recompress to
};
RewritePlan plan_rewrite(const protocol::CheckedBatch& batch, const TopicConfig& config);

// A changed copy of `batch`. Recompression runs on the broker's worker thread.
// Errors: those of protocol::recompress.
Task<Result<std::vector<std::byte>>> rewrite(Shard& shard, Bytes batch, RewritePlan plan,
                                             protocol::CheckedBatch checked, std::int64_t now_ms);

}  // namespace sluice::broker
