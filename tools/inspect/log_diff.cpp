#include "tools/inspect/log_diff.hpp"

#include <algorithm>
#include <optional>

namespace sluice::inspect {
namespace {

using Kind = LogDifference::Kind;

bool same(const std::optional<Bytes>& a, const std::optional<Bytes>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return std::ranges::equal(*a, *b);
}

bool same_headers(const protocol::RecordHeaders& a, const protocol::RecordHeaders& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.key == y.key && same(x.value, y.value); });
}

std::vector<std::string_view> fields_of_record(const RecordStream& a, const RecordStream& b) {
  std::vector<std::string_view> fields;
  if (!same(a.record().key, b.record().key)) fields.emplace_back("key");
  if (!same(a.record().value, b.record().value)) fields.emplace_back("value");
  if (!same_headers(a.record().headers, b.record().headers)) fields.emplace_back("headers");
  if (a.timestamp() != b.timestamp()) fields.emplace_back("timestamp");
  if (a.header().is_control() != b.header().is_control()) fields.emplace_back("control");
  return fields;
}

std::vector<std::string_view> fields_of_batch(const protocol::BatchHeader& a,
                                              const protocol::BatchHeader& b) {
  std::vector<std::string_view> fields;
  if (a.base_offset != b.base_offset || a.last_offset() != b.last_offset())
    fields.emplace_back("offsets");
  if (a.compression() != b.compression()) fields.emplace_back("codec");
  if (a.producer_id != b.producer_id || a.producer_epoch != b.producer_epoch ||
      a.base_sequence != b.base_sequence)
    fields.emplace_back("producer");
  if (a.timestamp_type() != b.timestamp_type()) fields.emplace_back("timestamp-type");
  if (a.is_transactional() != b.is_transactional()) fields.emplace_back("transactional");
  return fields;
}

// The same records, and the same header but for the leader epoch.
bool is_same_batch(const protocol::BatchView& a, const protocol::BatchView& b) {
  constexpr auto from = protocol::batch_layout::crc_begin;
  return a.header.base_offset == b.header.base_offset &&
         std::ranges::equal(a.bytes.subspan(from), b.bytes.subspan(from));
}

class Comparison {
 public:
  Comparison(RecordStream* a, RecordStream* b, const DiffOptions& options, const DiffSink& sink)
      : a_{.stream = a}, b_{.stream = b}, options_(options), sink_(sink) {}

  Result<DiffCounts> run();

 private:
  struct Input {
    RecordStream* stream = nullptr;
    bool has_record = false;  // one that was read and not compared
  };

  static Result<> fill(Input& input);
  Result<> skip_equal_batches();
  void compare();
  void only(Side side, Input& input);
  void end_range();
  void tell(const LogDifference& difference);

  Input a_;
  Input b_;
  DiffOptions options_;
  const DiffSink& sink_;
  DiffCounts counts_;
  std::optional<LogDifference> range_;  // not told yet: it may go on
};

Result<> Comparison::fill(Input& input) {
  if (input.has_record || !input.stream) return {};
  const auto found = input.stream->next();
  if (!found) return std::unexpected(found.error());
  input.has_record = *found;
  return {};
}

// Batches that are the same byte for byte need no look at their records.
Result<> Comparison::skip_equal_batches() {
  while (!counts_.stopped && a_.stream && b_.stream && !a_.has_record && !b_.has_record) {
    const auto a = a_.stream->at_new_batch();
    if (!a) return std::unexpected(a.error());
    const auto b = b_.stream->at_new_batch();
    if (!b) return std::unexpected(b.error());
    if (!*a || !*b || !is_same_batch(a_.stream->batch(), b_.stream->batch())) return {};
    end_range();
    counts_.equal += static_cast<std::uint64_t>(a_.stream->batch().header.record_count);
    a_.stream->skip_batch();
    b_.stream->skip_batch();
    if (options_.stop && *options_.stop) counts_.stopped = true;
  }
  return {};
}

Result<DiffCounts> Comparison::run() {
  while (!counts_.stopped) {
    auto done = skip_equal_batches();
    if (done) done = fill(a_);
    if (done) done = fill(b_);
    if (!done) return std::unexpected(done.error());
    if (!a_.has_record && !b_.has_record) break;
    if (options_.stop && *options_.stop) counts_.stopped = true;
    if (!b_.has_record || (a_.has_record && a_.stream->offset() < b_.stream->offset()))
      only(Side::a, a_);
    else if (!a_.has_record || b_.stream->offset() < a_.stream->offset())
      only(Side::b, b_);
    else
      compare();
  }
  end_range();
  return counts_;
}

void Comparison::only(Side side, Input& input) {
  const Offset offset = input.stream->offset();
  input.has_record = false;
  ++(side == Side::a ? counts_.only_a : counts_.only_b);
  if (range_ && range_->side != side) end_range();
  if (!range_) range_ = LogDifference{.side = side, .first = offset};
  range_->last = offset;
  ++range_->records;
}

void Comparison::compare() {
  end_range();
  const RecordStream& a = *a_.stream;
  const RecordStream& b = *b_.stream;
  LogDifference found{.first = a.offset(), .last = a.offset(), .a = &a, .b = &b};
  if (options_.batches && (a.is_first_of_batch() || b.is_first_of_batch())) {
    found.kind = Kind::batch;
    found.fields = fields_of_batch(a.header(), b.header());
    if (!found.fields.empty()) {
      ++counts_.batches;
      tell(found);
    }
  }
  found.kind = Kind::record;
  found.fields = fields_of_record(a, b);
  ++(found.fields.empty() ? counts_.equal : counts_.different);
  if (!found.fields.empty()) tell(found);
  a_.has_record = false;
  b_.has_record = false;
}

void Comparison::end_range() {
  if (range_) tell(*range_);
  range_.reset();
}

void Comparison::tell(const LogDifference& difference) {
  if (!sink_(difference)) counts_.stopped = true;
}

}  // namespace

DiffCounts& DiffCounts::operator+=(const DiffCounts& other) {
  equal += other.equal;
  different += other.different;
  only_a += other.only_a;
  only_b += other.only_b;
  batches += other.batches;
  stopped = stopped || other.stopped;
  return *this;
}

Result<DiffCounts> diff_logs(RecordStream* a, RecordStream* b, const DiffOptions& options,
                             const DiffSink& sink) {
  return Comparison(a, b, options, sink).run();
}

}  // namespace sluice::inspect
