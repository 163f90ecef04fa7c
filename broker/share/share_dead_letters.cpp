#include "broker/share/share_dead_letters.hpp"

#include "broker/options.hpp"
#include "broker/partition.hpp"
#include "broker/queue/dead_letter.hpp"
#include "broker/queue/dead_letter_topic.hpp"
#include "broker/topic_config.hpp"
#include "protocol/compression.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

constexpr std::int64_t read_bytes = 1 << 20;

// One call of copy_dead_letters(). The letters are passed in order: what was passed is decided.
class CopyRun {
 public:
  CopyRun(Shard& shard, const ShareKey& key, std::string topic,
          const std::vector<DeadLetter>& letters)
      : shard_(shard),
        key_(key),
        topic_(std::move(topic)),
        letters_(letters),
        at_(letters.front().first) {}

  Task<CopyReport> run();

 private:
  enum class Outcome : std::uint8_t { copied, failed, vanished };

  bool finished() const { return next_ == letters_.size(); }
  const DeadLetter& letter() const { return letters_[next_]; }
  std::string prepare();
  void pass(Offset until, Outcome outcome);
  void fail(Offset until, std::string fault);
  void decide(Offset first, Offset last, Outcome outcome);
  Task<> read_on(Partition* partition);
  Task<> copy_batch(const protocol::BatchView* batch);
  Task<> copy_record(const protocol::Record* record, const protocol::BatchHeader* header);
  Task<> flush();

  Shard& shard_;
  const ShareKey& key_;
  std::string topic_;
  const std::vector<DeadLetter>& letters_;
  std::string source_;  // name of the topic
  std::size_t batch_bytes_ = 0;
  std::size_t next_ = 0;  // the letter that is worked on
  Offset at_;             // its next offset
  protocol::BatchBuilder builder_;
  std::vector<Offset> built_;  // in the builder
  CopyReport report_;
};

// Why nothing can be copied now, or empty.
std::string CopyRun::prepare() {
  const Catalog& catalog = *shard_.catalog();
  const Topic* source = catalog.find(key_.topic);
  if (source == nullptr) return "The topic is gone.";
  source_ = source->name;
  if (topic_.empty())
    return "The group " + key_.group + " has no dead-letter topic any more: set " +
           std::string(group_dead_letter_key) + ", or release or reject the records by hand.";
  batch_bytes_ = dead_letter_batch_bytes(catalog, *shard_.options(), topic_);
  return dead_letter_fault(catalog, *shard_.options(), {topic_, source_});
}

// ---- What becomes of offsets ----

void CopyRun::decide(Offset first, Offset last, Outcome outcome) {
  const std::int64_t records = last - first + 1;
  const bool done = outcome != Outcome::failed;
  (outcome == Outcome::copied   ? report_.copied
   : outcome == Outcome::failed ? report_.failed
                                : report_.vanished) += records;
  auto& spans = report_.spans;
  if (!spans.empty() && spans.back().last + 1 == first && spans.back().done == done)
    spans.back().last = last;
  else
    spans.push_back({first, last, done});
}

// Everything that was asked for from here up to `until`.
void CopyRun::pass(Offset until, Outcome outcome) {
  while (!finished() && at_ <= until) {
    const Offset last = std::min(letter().last, until);
    decide(at_, last, outcome);
    at_ = last + 1;
    if (at_ <= letter().last) return;
    if (++next_ != letters_.size()) at_ = letter().first;
  }
}

void CopyRun::fail(Offset until, std::string fault) {
  report_.fault = std::move(fault);
  pass(until, Outcome::failed);
}

// ---- Copying ----

Task<CopyReport> CopyRun::run() {
  if (std::string fault = prepare(); !fault.empty()) fail(letters_.back().last, std::move(fault));
  while (!finished()) {
    Partition* partition = shard_.find(key_.topic, key_.partition);
    if (partition == nullptr || partition->closing())
      fail(letters_.back().last, "The partition is not open.");
    else
      co_await read_on(partition);
  }
  co_await flush();
  std::ranges::sort(report_.spans, {}, &CopyReport::Span::first);
  co_return std::move(report_);
}

Task<> CopyRun::read_on(Partition* partition) {
  FetchQuery query;
  query.offset = at_;
  query.max_bytes = read_bytes;
  query.least = storage::AtLeastOneBatch::yes;
  query.handout = storage::Handout::memory;
  FetchAnswer answer = co_await partition->fetch(query);
  if (answer.error == ErrorCode::offset_out_of_range && at_ < partition->log().log_start_offset()) {
    pass(partition->log().log_start_offset() - 1, Outcome::vanished);
    co_return;
  }
  if (answer.error != ErrorCode::none || answer.read.empty()) {
    fail(letter().last,
         "Reading '" + source_ + "' failed: " + std::string(protocol::to_string(answer.error)));
    co_return;
  }
  const Offset end = answer.read.next_offset;
  const storage::Slice bytes = storage::contiguous(std::move(answer.read));
  protocol::BatchIterator batches{bytes.bytes};
  while (const auto batch = batches.next()) {
    if (finished()) co_return;
    pass(batch->header.base_offset - 1, Outcome::vanished);
    if (!finished() && at_ <= batch->header.last_offset()) co_await copy_batch(&*batch);
  }
  pass(end - 1, Outcome::vanished);
}

Task<> CopyRun::copy_batch(const protocol::BatchView* batch) {
  const Offset last = batch->header.last_offset();
  std::vector<std::byte> plain;
  Bytes area = batch->records();
  if (batch->header.compression() != protocol::Compression::none) {
    protocol::Decompressor decompressor;
    const auto done = decompressor.decompress(batch->header.compression(), area,
                                              protocol::decompressed_size_max_default, plain);
    if (!done) {
      fail(last, "A batch of '" + source_ +
                     "' cannot be decompressed: " + std::string(protocol::describe(done.error())));
      co_return;
    }
    area = plain;
  }
  protocol::RecordIterator records{area, batch->header.record_count};
  while (const auto record = records.next()) {
    const Offset offset = protocol::offset_of(*record, batch->header);
    if (batch->header.is_control()) break;
    pass(offset - 1, Outcome::vanished);
    if (finished() || at_ > last) co_return;
    if (at_ == offset) co_await copy_record(&*record, &batch->header);
  }
  if (records.error())
    fail(last, "A batch of '" + source_ + "' is damaged.");
  else
    pass(last, Outcome::vanished);
}

// The record at `at_`.
Task<> CopyRun::copy_record(const protocol::Record* record, const protocol::BatchHeader* header) {
  if (came_from(*record, topic_)) {
    fail(at_, "A record was dead-lettered out of '" + topic_ +
                  "' before: give its group another dead-letter topic.");
    co_return;
  }
  const Failure& failure = *letter().failure;
  const DeadLetterInfo info{source_,         key_.partition,      at_,
                            key_.group,      letter().deliveries, to_string(failure.reason),
                            failure.message, failure.first_ms,    failure.last_ms};
  const DeadLetterCopy copy{*record, protocol::timestamp_of(*record, *header), info};
  if (!builder_.empty() && builder_.size_with(copy.record()) > batch_bytes_) co_await flush();
  builder_.append(copy.record());
  built_.push_back(at_);
  if (++at_ > letter().last && ++next_ != letters_.size()) at_ = letter().first;
}

Task<> CopyRun::flush() {
  if (builder_.empty()) co_return;
  std::vector<std::byte> batch = builder_.finish();
  const std::vector<Offset> offsets = std::exchange(built_, {});
  DeadLetterResult written =
      co_await write_dead_letters(shard_, topic_, key_.partition, std::move(batch));
  const bool good = written.error == ErrorCode::none;
  if (!good) report_.fault = std::move(written.message);
  for (const Offset offset : offsets)
    decide(offset, offset, good ? Outcome::copied : Outcome::failed);
}

}  // namespace

Task<CopyReport> copy_dead_letters(Shard* shard, const ShareKey* key, std::string topic,
                                   const std::vector<DeadLetter>* letters) {
  CopyRun run{*shard, *key, std::move(topic), *letters};
  co_return co_await run.run();
}

}  // namespace sluice::broker
