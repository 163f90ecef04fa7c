// Sends many records and notices the first that failed.
#pragma once

#include "sluice/producer.hpp"
#include "tools/sluice/record_json.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace sluice::cli {

// --codec; CLI11 refuses what is none.
void add_codec_option(CLI::App& command, std::string& codec);

class Publisher {
 public:
  explicit Publisher(Producer& producer) : producer_(producer) {}

  // Errors: as Producer::send(), and of records that were sent before.
  Result<> send(const ProducerRecord& record);
  // Waits for all that was sent. The error is that of the first that failed.
  Result<> finish();
  // Records that were acknowledged.
  std::uint64_t count() const { return count_; }

 private:
  // Looks at deliveries in order until at most `most` are left unfinished.
  Result<> settle(std::size_t most);

  Producer& producer_;
  std::deque<Delivery> waiting_;
  std::uint64_t count_ = 0;
};

// How a record that was read from a file is sent.
struct Target {
  std::string topic;                              // empty: the record's own
  std::optional<PartitionIndex> partition = {};   // of every record
  bool keep_partition = false;                    // else: the record's own
  std::optional<std::int64_t> timestamp_ms = {};  // instead of the record's own
};
// Errors: as Publisher::send(); Errc::invalid_argument when there is no topic.
Result<> send_parsed(Publisher& publisher, const Target& target, const ParsedRecord& parsed);

}  // namespace sluice::cli
