// The seal of a closed segment: what its file must hash to, for ever. `sluice verify` and the
// repair of damage compare against it.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "protocol/ids.hpp"
#include "protocol/record_batch.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice::storage {

struct Seal {
  Offset base = 0;
  Offset end = 0;         // of the last record, plus one
  std::int64_t size = 0;  // bytes of the .log file
  std::int64_t batches = 0;
  std::int64_t records = 0;
  TimestampMs min_timestamp = -1;  // of the batches' base timestamps
  TimestampMs max_timestamp = -1;
  std::array<std::byte, 16> hash{};  // XXH3-128 of the .log file, canonical (big-endian)
  bool operator==(const Seal&) const = default;

  std::vector<std::byte> encode() const;
  // Errors: bad_checkpoint, unknown_format.
  static Result<Seal> decode(Bytes bytes);
};

// XXH3-128 of a file as it grows, and the counts beside it.
class SealHash {
 public:
  SealHash();
  SealHash(SealHash&&) noexcept;
  SealHash& operator=(SealHash&&) noexcept;
  ~SealHash();
  void update(Bytes bytes);
  void count(const protocol::BatchHeader& header);
  std::int64_t hashed() const { return hashed_; }
  Seal finish(Offset base, Offset end) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::int64_t hashed_ = 0;
  Seal seal_;
};

}  // namespace sluice::storage
