#include "tests/simulation/worker.hpp"

#include "protocol/messages/share_acknowledge.hpp"
#include "protocol/messages/share_group_heartbeat.hpp"
#include "protocol/record.hpp"
#include "tests/simulation/requests.hpp"

#include <algorithm>
#include <charconv>
#include <ranges>

namespace sluice::simulation {

using protocol::ErrorCode;

namespace {

constexpr std::chrono::seconds heartbeat_interval{2};

std::string_view last_header(const protocol::Record& record, std::string_view name) {
  std::string_view found;
  for (const auto& header : record.headers)
    if (header.key == name && header.value) found = as_text(*header.value);
  return found;
}
Offset number_in(std::string_view text) {
  Offset number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

void Worker::start_over() {
  session_epoch_ = 0;
  held_.clear();  // the session ended with its connection: others may have it now
  disconnect();
}

bool Worker::finished() const {
  return world_.verdict.failed() ||
         (draining() && std::ranges::all_of(places_, [this](const Place& place) {
            return ledger_.open(place).empty();
          }));
}

Task<> Worker::run() {
  while (!finished()) {
    bool well = co_await heartbeat();
    if (well) well = co_await fetch();
    if (well) well = co_await settle();
    if (!well) {
      start_over();
      co_await pause(std::chrono::milliseconds(50));
    } else if (!draining() && random_.below(30) == 0) {
      start_over();  // goes without a word; not at the end, when locks alone must bring records
                     // back
    }
  }
  disconnect();
}

Task<bool> Worker::heartbeat() {
  const TimePoint now = world_.machine.sim().clock().now();
  if (member_epoch_ > 0 && now < next_heartbeat_) co_return true;
  protocol::ShareGroupHeartbeatRequest request;
  request.group_id = ledger_.group();
  request.member_id = member_;
  request.member_epoch = member_epoch_;
  const std::string topic = places_.front().topic;
  if (member_epoch_ == 0) request.subscribed_topic_names.emplace().push_back(topic);
  const auto answer = co_await ask<protocol::ShareGroupHeartbeatResponse>(request, 1);
  if (!answer) co_return false;
  if (answer->body.error_code != ErrorCode::none) {
    member_epoch_ = 0;
    co_return false;
  }
  member_epoch_ = answer->body.member_epoch;
  next_heartbeat_ = now + heartbeat_interval;
  co_return true;
}

Task<bool> Worker::fetch() {
  protocol::ShareFetchRequest request;
  request.group_id = ledger_.group();
  request.member_id = member_;
  request.share_session_epoch = session_epoch_++;
  request.max_wait_ms = random_.below(4) == 0 ? 5'000 : 200;
  request.max_bytes = 1 << 20;
  request.max_records = static_cast<std::int32_t>(1 + random_.below(40));
  request.batch_size = request.max_records;
  if (request.share_session_epoch == 0) {
    auto& topic = request.topics.emplace_back();
    topic.topic_id = topic_;
    for (const Place& place : places_) topic.partitions.push_back({place.partition, 0, {}});
  }
  const std::uint64_t asked = ledger_.now();
  const auto answer = co_await ask<protocol::ShareFetchResponse>(request, 1);
  if (!answer || answer->body.error_code != ErrorCode::none) co_return false;
  bool well = true;
  for (const auto& topic : answer->body.responses) {
    for (const auto& row : topic.partitions) {
      if (row.error_code == ErrorCode::none) {
        take(row, asked);
        continue;
      }
      if (!is_retriable(row.error_code))
        world_.verdict.fail("a share fetch answered " + std::string(to_string(row.error_code)));
      well = false;
    }
  }
  co_return well;
}

// The bytes must be the records that were acquired, and nothing but what the ledger knows.
void Worker::take(const protocol::ShareFetchResponse::Partition& row, std::uint64_t asked) {
  if (row.acquired_records.empty()) return;
  const Place place{places_.front().topic, row.partition_index};
  std::set<Offset> there;
  protocol::BatchIterator batches{row.records ? row.records->bytes : Bytes{}};
  while (const auto batch = batches.next()) {
    protocol::RecordIterator records{*batch};
    while (const auto record = records.next()) {
      const Offset offset = protocol::offset_of(*record, batch->header);
      there.insert(offset);
      if (!world_.ledger.read(place, offset, record->key, record->value)) return;
    }
  }
  const bool disk_failed = world_.machine.disk().counters().faults > 0;
  for (const auto& range : row.acquired_records) {
    for (Offset offset = range.first_offset; offset <= range.last_offset; ++offset) {
      if (!there.contains(offset))
        world_.verdict.fail("acquired and not sent: " + place.text() + " offset " +
                            std::to_string(offset));
      ledger_.delivered(place, offset, asked);
      ledger_.counted(place, offset, range.delivery_count, disk_failed);
    }
    choose(place, range.first_offset, range.last_offset);
  }
}

void Worker::choose(const Place& place, Offset first, Offset last) {
  while (first <= last) {
    const auto most = static_cast<std::uint64_t>(last - first);
    const Offset end = first + static_cast<Offset>(random_.below(most + 1));
    const std::uint64_t dice = draining() ? 0 : random_.below(10);
    if (dice < 9) {  // else it is forgotten, until its lock runs out
      const Fate fate = dice < 5 ? Fate::accept : dice < 7 ? Fate::release : Fate::reject;
      held_.push_back({place, first, end, fate});
    }
    first = end + 1;
  }
}

Task<bool> Worker::settle() {
  if (held_.empty()) co_return true;
  if (random_.below(4) == 0) co_await pause(std::chrono::milliseconds(300));
  protocol::ShareAcknowledgeRequest request;
  request.group_id = ledger_.group();
  request.member_id = member_;
  request.share_session_epoch = session_epoch_++;
  auto& topic = request.topics.emplace_back();
  topic.topic_id = topic_;
  for (const Held& held : held_) {
    auto row = std::ranges::find(topic.partitions, held.place.partition,
                                 &protocol::ShareAcknowledgeRequest::Partition::partition_index);
    if (row == topic.partitions.end())
      row = topic.partitions.insert(row, {held.place.partition, {}});
    row->acknowledgement_batches.push_back(
        {held.first, held.last, {static_cast<std::int8_t>(held.fate)}});
    for (Offset offset = held.first; held.fate == Fate::accept && offset <= held.last; ++offset)
      ledger_.accepting(held.place, offset);
  }
  const std::vector<Held> asked = std::move(held_);
  held_.clear();
  const auto answer = co_await ask<protocol::ShareAcknowledgeResponse>(request, 1);
  const bool heard = answer && answer->body.error_code == ErrorCode::none;
  for (const Held& held : asked) {
    // An error: a lock ran out, or a write failed.
    bool confirmed = heard;
    if (heard)
      for (const auto& row : answer->body.responses.at(0).partitions)
        if (row.partition_index == held.place.partition && row.error_code != ErrorCode::none)
          confirmed = false;
    for (Offset offset = held.first; offset <= held.last; ++offset) {
      if (confirmed && held.fate != Fate::release)
        ledger_.finished(held.place, offset, held.fate == Fate::accept);
    }
  }
  co_return heard;
}

Task<> Undertaker::run(std::vector<Place> places) {
  const auto open = [&](const Place& place) { return !ledger_.open(place).empty(); };
  const auto done = [&] {
    return world_.ending && world_.producing == 0 && std::ranges::none_of(places, open);
  };
  while (!world_.verdict.failed() && !done()) co_await read();
  disconnect();
}

Task<> Undertaker::read() {
  const Place letters{ledger_.dead_letters(), 0};
  const auto request = fetch_request(letters, next_, 500, 100'000);
  const auto answer = co_await ask<protocol::FetchResponse>(request, 11);
  if (!answer) co_return;
  const auto& row = answer->body.responses.at(0).partitions.at(0);
  if (row.error_code == ErrorCode::none && row.records)
    take(row.records->bytes);
  else
    co_await pause(std::chrono::milliseconds(50));
}

void Undertaker::take(Bytes bytes) {
  protocol::BatchIterator batches{bytes};
  while (const auto batch = batches.next()) {
    next_ = std::max(next_, batch->header.next_offset());
    protocol::RecordIterator records{*batch};
    while (const auto record = records.next()) {
      const Place place{
          std::string(last_header(*record, "__dlq.errors.topic")),
          static_cast<PartitionIndex>(number_in(last_header(*record, "__dlq.errors.partition")))};
      const Offset offset = number_in(last_header(*record, "__dlq.errors.offset"));
      // The copy must be what lies, or lay, at its source.
      if (world_.ledger.read(place, offset, record->key, record->value))
        ledger_.dead_lettered(place, offset);
    }
  }
}

}  // namespace sluice::simulation
