// What the handles of the C interface hold, and how a Result becomes a number and a text.
#pragma once

#include "sluice/consumer.hpp"
#include "sluice/error.hpp"
#include "sluice/producer.hpp"
#include "sluice/runtime.hpp"
#include "sluice/sluice.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct sluice_broker {
  // What a client needs to reach it; `base` gives the other options, its host among them. Where the
  // broker runs in this process the function keeps it open.
  std::function<sluice::ClientOptions(sluice::ClientOptions base)> connect;
  std::optional<sluice::Runtime> runtime;  // of its producers and for calls
  sluice::ClientOptions client;            // with the runtime as host
  std::string error;
};

struct sluice_producer {
  struct OwnHeader {
    std::string name;
    std::optional<std::string> value;
  };
  // Of the next record.
  std::optional<sluice::PartitionIndex> partition;
  std::optional<std::int64_t> timestamp_ms;
  std::vector<OwnHeader> headers;

  std::optional<sluice::Producer> producer;
  std::map<std::uint64_t, sluice::Delivery> tickets;
  std::uint64_t next_ticket = 1;
  std::deque<sluice::Delivery> others;  // sent without a ticket, in order
  std::optional<sluice::Error> failed;  // the first of them that failed since the last flush
  std::string error;
};

// On a runtime of its own, whose descriptor is readable when a poll that was asked for has ended.
struct sluice_consumer {
  std::optional<sluice::Runtime> runtime;
  std::optional<sluice::Consumer> consumer;
  bool asking = false;                                              // a poll is under way
  std::optional<sluice::Result<sluice::Consumer::Records>> answer;  // of a poll that has ended
  sluice::Consumer::Records records;                                // of the last poll
  std::size_t next = 0;              // record that sluice_poll() gives next
  std::string topic;                 // of the current record, with a terminating zero
  sluice::Consumer::Offsets polled;  // behind the last record given of each partition
  std::optional<std::chrono::milliseconds> commit_interval;  // of auto-commit, where it is on
  sluice::TimePoint next_commit;
  std::string error;

  const sluice::RecordView& current() const { return records[next - 1]; }
};

namespace sluice::c {

// Completes a handle that `connect` was given to. Errors: Errc::invalid_argument, the system's.
Result<> finish(sluice_broker& broker, std::string_view settings);

// The number of the error; the text goes to the handle.
int failed(std::string& text, const Error& error);

template <class T>
int done(std::string& text, const Result<T>& result) {
  if (!result) return failed(text, result.error());
  text.clear();
  return 0;
}

// "name=value" lines, without empty ones; a line without "=" has an empty value.
std::vector<std::pair<std::string_view, std::string_view>> lines(std::string_view text);
// Such lines into options; each name may come again, and the last counts.
// Error: Errc::invalid_argument, naming the line.
Result<> read_settings(ClientOptions& options, std::string_view text);
Result<> read_settings(ProducerOptions& options, std::string_view text);
Result<> read_settings(ConsumerOptions& options, std::string_view text);

// -1: the client's own time limit.
Deadline deadline(int timeout_ms);
std::string_view text_or_nothing(const char* text);
// What a handle answers that could not be opened.
int closed(std::string& text);
// "a,b" into its parts, without empty ones.
std::vector<std::string> split(std::string_view text);

}  // namespace sluice::c
