#include "tests/simulation/timed.hpp"

#include "protocol/batch_builder.hpp"
#include "protocol/record.hpp"
#include "tests/simulation/requests.hpp"

#include <array>

namespace sluice::simulation {

using protocol::ErrorCode;

Task<> TimedProducer::run() {
  ++world_.producing;
  while (!done()) {
    const RecordId id{number_, next_++};
    const std::int64_t due_ms = wall_ms() + static_cast<std::int64_t>(random_.below(3000));
    ledger_.sent(id, due_ms);
    bool confirmed = false;
    while (!confirmed && !world_.verdict.failed()) confirmed = co_await attempt(id, due_ms);
    co_await pause(std::chrono::milliseconds(10));
  }
  disconnect();
  --world_.producing;
}

Task<bool> TimedProducer::attempt(RecordId id, std::int64_t due_ms) {
  const std::string key = key_of(id);
  const std::string value = value_of(id);
  const std::string due = std::to_string(due_ms);
  const std::array headers{protocol::RecordHeader{"sluice-deliver-at", as_bytes(due)}};
  protocol::BatchBuilder builder;
  builder.append({wall_ms(), as_bytes(key), as_bytes(value), headers});
  const auto batch = builder.finish();
  const auto request = produce_request(place_, batch);
  const auto answer = co_await ask<protocol::ProduceResponse>(request, 9);
  if (!answer) co_return false;
  const ErrorCode error = answer->body.responses.at(0).partition_responses.at(0).error_code;
  if (error == ErrorCode::none) ledger_.acked(id);
  if (error == ErrorCode::none) co_return true;
  if (!is_retriable(error))
    world_.verdict.fail("produce to " + place_.text() + " answered " +
                        std::string(to_string(error)));
  co_await pause(std::chrono::milliseconds(20));
  co_return false;
}

Task<> TimedReader::run() {
  while (!world_.verdict.failed() &&
         (!world_.ending || world_.producing > 0 || ledger_.open() > 0)) {
    co_await read();
    if (random_.below(50) == 0) next_ = 0;  // what was read must still be there
  }
  disconnect();
}

Task<> TimedReader::read() {
  const auto request = fetch_request(place_, next_, 300, 100'000);
  const auto answer = co_await ask<protocol::FetchResponse>(request, 11);
  if (!answer) co_return;
  const auto& row = answer->body.responses.at(0).partitions.at(0);
  if (row.error_code != ErrorCode::none || !row.records)
    co_return co_await pause(std::chrono::milliseconds(20));
  protocol::BatchIterator batches{row.records->bytes};
  while (const auto batch = batches.next()) {
    next_ = std::max(next_, batch->header.next_offset());
    protocol::RecordIterator records{*batch};
    while (const auto record = records.next()) {
      const Offset offset = protocol::offset_of(*record, batch->header);
      const auto id = record->value ? id_of(*record->value) : std::nullopt;
      if (id)
        ledger_.came(place_, offset, *id, wall_ms());
      else
        world_.verdict.fail("wrong bytes read: " + place_.text() + " " + std::to_string(offset));
    }
  }
}

}  // namespace sluice::simulation
