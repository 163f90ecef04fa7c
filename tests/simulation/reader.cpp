#include "tests/simulation/reader.hpp"

#include "protocol/record.hpp"
#include "tests/simulation/requests.hpp"

namespace sluice::simulation {

using protocol::ErrorCode;

namespace {

constexpr int audit_attempts = 200;
// A reader that waits longer for a record that is there was not woken; a slow disk is not so slow.
constexpr std::chrono::seconds wake_max{5};

}  // namespace

Task<std::optional<Fetched>> Reader::fetch(Offset from, std::int32_t wait_ms) {
  const auto max_bytes = static_cast<std::int32_t>(1 + random_.below(100'000));
  const auto request = fetch_request(place_, from, wait_ms, max_bytes);
  const Bounds promised = world_.ledger.promised(place_);
  const auto answer = co_await ask<protocol::FetchResponse>(request, 12);
  if (!answer) co_return std::nullopt;
  const auto& row = answer->body.responses.at(0).partitions.at(0);
  Fetched got{.error = row.error_code,
              .start = row.log_start_offset,
              .high_watermark = row.high_watermark,
              .next = from};
  if (row.error_code != ErrorCode::none) co_return got;
  world_.ledger.bounds(place_, {got.start, got.high_watermark}, promised);
  if (!row.records) co_return got;
  protocol::BatchIterator batches{row.records->bytes};
  while (const auto batch = batches.next()) {
    if (!protocol::batch_crc_matches(batch->bytes))
      world_.verdict.fail("a batch with a wrong CRC was served: " + place_.text());
    if (batch->header.next_offset() > row.high_watermark)
      world_.verdict.fail("served beyond the high watermark: " + place_.text());
    protocol::RecordIterator records{*batch};
    while (const auto record = records.next()) {
      const Offset offset = protocol::offset_of(*record, batch->header);
      if (offset < from) continue;
      const auto id = world_.ledger.read(place_, offset, record->key, record->value);
      if (!id) co_return got;
      got.records.push_back({offset, *id});
    }
    got.next = std::max(got.next, batch->header.next_offset());
  }
  co_return got;
}

void Reader::check_woken(Offset from, TimePoint asked) {
  const auto there = world_.ledger.acked_at(place_, from);
  const TimePoint now = world_.machine.sim().clock().now();
  if (there && now - std::max(*there, asked) > wake_max)
    world_.verdict.fail("a reader was not woken: " + place_.text() + " offset " +
                        std::to_string(from));
}

Task<> Reader::run() {
  Offset next = 0;
  while (!done()) {
    const TimePoint asked = world_.machine.sim().clock().now();
    const auto got = co_await fetch(next, random_.below(4) == 0 ? 20'000 : 500);
    if (!got) continue;
    check_woken(next, asked);
    if (got->error == ErrorCode::offset_out_of_range) {
      if (got->start <= next && got->high_watermark >= next)
        world_.verdict.fail("out of range: " + place_.text() + " offset " + std::to_string(next));
      next = std::max(next, got->start);
    } else if (got->error != ErrorCode::none) {
      co_await pause(std::chrono::milliseconds(20));
    }
    next = std::max(next, got->next);
    if (random_.below(4) == 0) co_await pause(std::chrono::milliseconds(30));
  }
  disconnect();
}

Task<> Reader::audit() {
  std::vector<ReadRecord> all;
  Offset start = -1;
  Offset next = 0;
  for (int attempt = 0; attempt < audit_attempts && !world_.verdict.failed(); ++attempt) {
    const auto got = co_await fetch(next, 0);
    if (!got) continue;
    if (got->error == ErrorCode::offset_out_of_range && start < 0) {
      next = got->start;
      continue;
    }
    if (got->error != ErrorCode::none) {
      co_await pause(std::chrono::milliseconds(100));
      continue;
    }
    if (start < 0) start = next;
    all.insert(all.end(), got->records.begin(), got->records.end());
    next = got->next;
    if (next < got->high_watermark) {
      if (got->records.empty()) co_await pause(std::chrono::milliseconds(5));
      continue;
    }
    world_.ledger.audit(place_, {start, got->high_watermark}, all);
    co_return;
  }
  world_.verdict.fail("could not be read to its end: " + place_.text() + " at " +
                      std::to_string(next));
}

}  // namespace sluice::simulation
