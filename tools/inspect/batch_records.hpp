// The records of a stored batch, whatever its codec.
#pragma once

#include "protocol/compression.hpp"
#include "protocol/record.hpp"

#include <string>

namespace sluice::inspect {

class BatchRecords {
 public:
  // The uncompressed record area of an intact batch. Lifetime: until the next call, or as long as
  // `batch`. Errors: unknown_compression, bad_compression, output_too_large.
  std::expected<Bytes, protocol::BatchError> area(const protocol::BatchView& batch);

  // What contradicts the header in the records of an intact batch; empty: nothing.
  std::string contradiction(const protocol::BatchView& batch);

 private:
  protocol::Decompressor decompressor_;
  std::vector<std::byte> buffer_;
};

}  // namespace sluice::inspect
