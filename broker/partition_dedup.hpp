// What a partition with sluice.dedup.window.ms keeps between appends.
#pragma once

#include "broker/queue/dedup_window.hpp"
#include "broker/queue/message_ids.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::broker {

struct PartitionDedup {
  PartitionDedup(std::chrono::milliseconds duration, std::size_t ids_max)
      : window(duration, ids_max) {}

  // After each append. An end that went back means that the log lost what was not durable, and that
  // offsets in the window may name other records now.
  void on_append(Offset base, Offset next) {
    if (base < end) stale = true;
    end = next;
  }

  DedupWindow window;
  MessageIds ids;  // of the batch at hand
  Offset end = 0;  // of the log, as of the last append
  bool stale = false;
  std::uint64_t told = 0;  // ids forgotten early, as of the last log line
  TimePoint tell_after{};
};

}  // namespace sluice::broker
