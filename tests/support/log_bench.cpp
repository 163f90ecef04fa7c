#include "tests/support/log_bench.hpp"

#include "protocol/compression.hpp"
#include "protocol/record.hpp"

namespace sluice::testing {

std::vector<std::byte> make_batch(const std::vector<TestRecord>& records, BatchProducer producer,
                                  protocol::Compression codec) {
  protocol::BatchBuilder builder({.compression = codec,
                                  .producer_id = producer.id,
                                  .producer_epoch = producer.epoch,
                                  .base_sequence = producer.sequence});
  for (const TestRecord& record : records) {
    protocol::NewRecord next;
    next.timestamp = record.timestamp;
    if (!record.key.empty()) next.key = as_bytes(record.key);
    if (!record.tombstone) next.value = as_bytes(record.value);
    builder.append(next);
  }
  protocol::Compressor compressor;
  return builder.finish(compressor);
}

std::vector<std::byte> make_batch(std::string tag, std::size_t count, std::size_t value_size,
                                  BatchProducer producer) {
  std::vector<TestRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    std::string value = tag + "/" + std::to_string(i);
    if (value.size() < value_size) value.resize(value_size, '.');
    records.push_back({.key = "k" + std::to_string(i), .value = std::move(value)});
  }
  return make_batch(records, producer);
}

std::vector<StoredRecord> decode_records(Bytes bytes) {
  std::vector<StoredRecord> all;
  protocol::BatchIterator batches{bytes};
  protocol::Decompressor decompressor;
  while (const auto batch = batches.next()) {
    SLUICE_CHECK(protocol::batch_crc_matches(batch->bytes));
    std::vector<std::byte> plain;
    Bytes area = batch->records();
    if (batch->header.compression() != protocol::Compression::none) {
      SLUICE_CHECK(
          decompressor.decompress(batch->header.compression(), area, 1 << 28, plain).has_value());
      area = plain;
    }
    protocol::RecordIterator records(area, batch->header.record_count);
    while (const auto record = records.next()) {
      StoredRecord stored;
      stored.offset = protocol::offset_of(*record, batch->header);
      stored.epoch = batch->header.partition_leader_epoch;
      stored.timestamp = protocol::timestamp_of(*record, batch->header);
      if (record->key) stored.key = std::string(as_text(*record->key));
      if (record->value) stored.value = std::string(as_text(*record->value));
      stored.tombstone = !record->value;
      all.push_back(std::move(stored));
    }
    SLUICE_CHECK(!records.error());
  }
  SLUICE_CHECK(!batches.error());
  return all;
}

LogBench::LogBench(std::uint64_t seed, storage::LogOptions options,
                   storage::StoreOptions store_options)
    : disk_(SimDiskOptions{.seed = seed}),
      random_(seed),
      options_(options),
      store_options_(store_options) {
  name_.topic = "orders";
  name_.topic_id.octets[0] = std::byte{7};
}

LogBench::~LogBench() {
  if (log_ != nullptr) (void)try_close();
}

void LogBench::set_options(const storage::LogOptions& options) {
  options_ = options;
  if (log_ != nullptr) log_->set_options(options);
}

std::string LogBench::file(std::string_view base_name) const {
  return "orders-0/" + std::string(base_name);
}

Result<> LogBench::try_open() {
  if (files_ == nullptr) files_ = disk_.mount(sim_);
  auto store = sim_.run(storage::Store::open(*files_, 0, store_options_, sim_.clock(), random_,
                                             logger_, sim_.executor()));
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);
  auto log = sim_.run(store_->open_log(name_, options_));
  if (!log) return std::unexpected(log.error());
  log_ = std::move(*log);
  return {};
}

void LogBench::open() { must(try_open()); }

Result<> LogBench::try_close() {
  Result<> done;
  if (log_ != nullptr) done = sim_.run(log_->close());
  log_.reset();
  if (done && store_ != nullptr) done = sim_.run(store_->close());
  store_.reset();
  return done;
}

void LogBench::close() { must(try_close()); }

void LogBench::drop() {
  if (log_ != nullptr) (void)sim_.run(log_->close());
  sim_.run_until_idle();
  log_.reset();
  store_.reset();
  files_.reset();
}

void LogBench::crash(SimSurvival survival) {
  disk_.crash(survival);
  drop();
}

void LogBench::kill() {
  disk_.kill();
  drop();
}

Result<storage::AppendInfo> LogBench::append(const std::vector<std::byte>& batch) {
  const auto header = protocol::parse_batch_header(batch);
  SLUICE_CHECK(header.has_value());
  return sim_.run(log_->append_when_room(batch, *header));
}

namespace {
Task<Result<storage::AppendInfo>> append_and_wait(storage::Log& log, Bytes batch,
                                                  protocol::BatchHeader header) {
  auto info = co_await log.append_when_room(batch, header);
  if (!info) co_return info;
  auto durable = co_await log.wait_durable(info->durable_end());
  if (!durable) co_return std::unexpected(durable.error());
  co_return info;
}
}  // namespace

Result<storage::AppendInfo> LogBench::append_durable(const std::vector<std::byte>& batch) {
  const auto header = protocol::parse_batch_header(batch);
  SLUICE_CHECK(header.has_value());
  return sim_.run(append_and_wait(*log_, batch, *header));
}

Result<storage::ReadResult> LogBench::read(Offset from, std::size_t max_bytes, Offset limit,
                                           storage::AtLeastOneBatch least,
                                           storage::Handout handout) {
  return sim_.run(log_->read(from, max_bytes, limit, least, handout));
}

Result<std::vector<StoredRecord>> LogBench::read_all(Offset from) {
  std::vector<StoredRecord> all;
  for (;;) {
    auto got = read(from, 64 << 10);
    if (!got) return std::unexpected(got.error());
    if (got->empty()) return all;
    const Offset asked = from;
    from = got->next_offset;
    const storage::Slice slice = storage::contiguous(std::move(*got));
    for (StoredRecord& record : decode_records(slice.bytes))
      if (record.offset >= asked) all.push_back(std::move(record));
  }
}

void append_some(LogBench& bench, int count, std::size_t size) {
  for (int i = 0; i < count; ++i)
    must(bench.append_durable(make_batch(std::to_string(i), 1, size)));
}

void save_frontier(LogBench& bench) {
  bench.sim().run_for(std::chrono::seconds(2));
  must(bench.sim().run(bench.store().maintain()));
}

std::vector<std::byte> file_of(LogBench& bench, std::string_view name) {
  return bench.disk().content(bench.file(name));
}

}  // namespace sluice::testing
