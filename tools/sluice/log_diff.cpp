// `sluice log diff`: two data directories, or two partitions, compared by offset.
#include "tools/inspect/log_diff.hpp"

#include "tools/sluice/byte_progress.hpp"
#include "tools/sluice/bytes_text.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/log.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <unistd.h>

namespace sluice::cli {
namespace {

using inspect::DataDirectory;
using inspect::DiffCounts;
using inspect::LogDifference;
using inspect::PartitionLog;
using inspect::RecordStream;
using inspect::Side;

constexpr std::size_t value_width = 60;

// One partition of the two; null where there is none.
struct Pair {
  const PartitionLog* a = nullptr;
  const PartitionLog* b = nullptr;

  const PartitionLog& any() const { return a ? *a : *b; }
};

// Whether `path` names the data directory, not something in it.
bool is_root(const std::string& path, const DataDirectory& directory) {
  std::error_code error;
  return std::filesystem::equivalent(path, directory.root, error);
}

std::vector<Pair> pairs_of(const LogDiffOptions& options, const DataDirectory& a,
                           const DataDirectory& b) {
  // Two partitions that are named themselves are compared whatever their names.
  if (a.partitions.size() == 1 && b.partitions.size() == 1 && !is_root(options.a, a) &&
      !is_root(options.b, b))
    return {{&a.partitions.front(), &b.partitions.front()}};
  std::map<std::pair<std::string, PartitionIndex>, Pair> pairs;
  for (const auto& log : a.partitions) pairs[{log.topic, log.partition}].a = &log;
  for (const auto& log : b.partitions) pairs[{log.topic, log.partition}].b = &log;
  std::vector<Pair> list;
  for (const auto& [name, pair] : pairs) list.push_back(pair);
  return list;
}

// Prints differences as they are found.
class Report {
 public:
  Report(const Global& global, const LogDiffOptions& options)
      : global_(global), options_(options), left_(options.count) {}

  // `progress`, for as long as differences are told.
  void begin(const ByteProgress& progress);
  void partition(const Pair& pair);
  bool difference(const LogDifference& difference);
  // Of a partition that was compared.
  void add(const DiffCounts& counts, const RecordStream* a, const RecordStream* b);
  void end();
  Exit verdict(bool interrupted) const;

 private:
  bool equal() const { return partitions_missing_ == 0 && sum_.all_equal() && !damaged(); }
  bool damaged() const { return damaged_a_ > 0 || damaged_b_ > 0; }
  bool more();
  void difference_json(const LogDifference& difference);
  void difference_text(const LogDifference& difference);
  void append_record(const char* side, const LogDifference& difference, const RecordStream& stream);

  const Global& global_;
  const LogDiffOptions& options_;
  std::int64_t left_;
  const ByteProgress* progress_ = nullptr;
  const bool to_terminal_ = isatty(STDOUT_FILENO) == 1;
  Output out_;
  JsonWriter json_{out_.buffer()};
  Pair pair_;
  DiffCounts sum_;
  std::uint64_t partitions_ = 0;
  std::uint64_t partitions_missing_ = 0;
  std::uint64_t damaged_a_ = 0;  // bytes, or batches where only their records are
  std::uint64_t damaged_b_ = 0;
};

void Report::begin(const ByteProgress& progress) {
  progress_ = &progress;
  if (!global_.json) return;
  json_.begin_object().field("a", options_.a).field("b", options_.b);
  json_.key("differences").begin_array();
}

// Whether another difference is wanted.
bool Report::more() {
  if (to_terminal_) {
    progress_->clear();
    out_.flush();
  }
  out_.maybe_flush();
  if (left_ > 0) --left_;
  return left_ != 0 && !out_.broken();
}

void Report::partition(const Pair& pair) {
  pair_ = pair;
  ++partitions_;
  if (pair.a && pair.b) return;
  ++partitions_missing_;
  const PartitionLog& log = pair.any();
  const char* side = pair.a ? "a" : "b";
  if (global_.json)
    json_.begin_object()
        .field("kind", "partition")
        .field("topic", log.topic)
        .field("partition", log.partition)
        .field("only_in", side)
        .end_object();
  else
    out_.write(log.directory + "  only in " + (pair.a ? options_.a : options_.b) + "\n");
}

bool Report::difference(const LogDifference& difference) {
  if (global_.json)
    difference_json(difference);
  else
    difference_text(difference);
  return more();
}

// The fields that differ, as one of the two has them.
void Report::append_record(const char* side, const LogDifference& difference,
                           const RecordStream& stream) {
  const auto& record = stream.record();
  json_.key(side).begin_object();
  for (const auto field : difference.fields) {
    if (field == "key") append_bytes_field(json_, "key", record.key);
    if (field == "value") append_bytes_field(json_, "value", record.value);
    if (field == "timestamp") json_.field("timestamp", stream.timestamp());
    if (field == "control") json_.field("control", stream.header().is_control());
    if (field != "headers") continue;
    json_.key("headers").begin_array();
    for (const auto& header : record.headers) {
      json_.begin_object().field("key", header.key);
      append_bytes_field(json_, "value", header.value);
      json_.end_object();
    }
    json_.end_array();
  }
  json_.end_object();
}

void Report::difference_json(const LogDifference& difference) {
  const PartitionLog& log = pair_.any();
  json_.begin_object();
  const char* kinds[] = {"only", "record", "batch"};
  json_.field("kind", kinds[static_cast<int>(difference.kind)])
      .field("topic", log.topic)
      .field("partition", log.partition);
  if (difference.kind == LogDifference::Kind::only) {
    json_.field("only_in", difference.side == Side::a ? "a" : "b")
        .field("first_offset", difference.first)
        .field("last_offset", difference.last)
        .field("records", difference.records)
        .end_object();
    return;
  }
  json_.field("offset", difference.first);
  json_.key("fields").begin_array();
  for (const auto field : difference.fields) json_.value(field);
  json_.end_array();
  if (difference.kind == LogDifference::Kind::record) {
    append_record("a", difference, *difference.a);
    append_record("b", difference, *difference.b);
  }
  json_.end_object();
}

std::string record_text(const LogDifference& difference, const RecordStream& stream) {
  std::string text;
  for (const auto field : difference.fields) {
    text += "  " + std::string(field) + (field == "headers" ? ":" : "=");
    if (field == "key") text += shown_bytes(stream.record().key, value_width);
    if (field == "value") text += shown_bytes(stream.record().value, value_width);
    if (field == "timestamp") text += iso_time(stream.timestamp());
    if (field == "control") text += stream.header().is_control() ? "yes" : "no";
    if (field != "headers") continue;
    for (const auto& header : stream.record().headers)
      text += " " + std::string(header.key) + "=" + shown_bytes(header.value, value_width);
  }
  return text;
}

void Report::difference_text(const LogDifference& difference) {
  std::string line = pair_.any().directory;
  if (difference.kind == LogDifference::Kind::only) {
    line += "  " + offsets_text(difference.first, difference.last) + " only in " +
            (difference.side == Side::a ? options_.a : options_.b) + " (" +
            with_commas(difference.records) +
            (difference.records == 1 ? " record)\n" : " records)\n");
    out_.write(line);
    return;
  }
  const bool of_batch = difference.kind == LogDifference::Kind::batch;
  line += "  offset " + std::to_string(difference.first) + (of_batch ? "  batch: " : "  ");
  for (const auto field : difference.fields)
    line += (field == difference.fields.front() ? "" : ", ") + std::string(field);
  out_.write(line + (difference.fields.size() == 1 ? " differs\n" : " differ\n"));
  if (of_batch) return;
  out_.write("  A" + record_text(difference, *difference.a) + "\n");
  out_.write("  B" + record_text(difference, *difference.b) + "\n");
}

void Report::add(const DiffCounts& counts, const RecordStream* a, const RecordStream* b) {
  const auto damage = [](const RecordStream* stream) {
    return stream ? static_cast<std::uint64_t>(stream->damaged_bytes()) + stream->damaged_batches()
                  : 0;
  };
  sum_ += counts;
  damaged_a_ += damage(a);
  damaged_b_ += damage(b);
}

void Report::end() {
  if (global_.json) {
    json_.end_array()
        .field("partitions", partitions_)
        .field("partitions_only_in_one", partitions_missing_)
        .field("records_equal", sum_.equal)
        .field("records_different", sum_.different)
        .field("records_only_in_a", sum_.only_a)
        .field("records_only_in_b", sum_.only_b)
        .field("batches_different", sum_.batches)
        .field("damaged_a", damaged_a_ > 0)
        .field("damaged_b", damaged_b_ > 0)
        .field("complete", !sum_.stopped)
        .field("equal", equal() && !sum_.stopped)
        .end_object();
    out_.write("\n");
  } else {
    std::string text = "partitions  " + with_commas(partitions_) + "\nequal       " +
                       with_commas(sum_.equal) + " records\ndifferent   " +
                       with_commas(sum_.different) + "\nonly in A   " + with_commas(sum_.only_a) +
                       "\nonly in B   " + with_commas(sum_.only_b) + "\n";
    if (options_.batches) text += "batches     " + with_commas(sum_.batches) + " differ\n";
    out_.write(text);
  }
  out_.flush();
}

Exit Report::verdict(bool interrupted) const {
  if (interrupted) return complain_of_interrupt("not everything was compared");
  if (sum_.stopped && left_ == 0)
    say(global_, "stopped after " + std::to_string(options_.count) + " differences");
  if (damaged())
    return complain(Exit::failed, "damage in " + (damaged_a_ > 0 ? options_.a : options_.b) +
                                      " was left out; 'sluice log verify' tells where");
  return equal() ? Exit::ok : Exit::failed;
}

std::optional<RecordStream> stream_of(const DataDirectory& directory, const PartitionLog* log,
                                      ByteProgress& progress) {
  if (!log) return std::nullopt;
  return std::make_optional<RecordStream>(directory, *log, &progress.done);
}

Result<> compare(const LogDiffOptions& options, const DataDirectory& a, const DataDirectory& b,
                 ByteProgress& progress, Report& report) {
  for (const Pair& pair : pairs_of(options, a, b)) {
    report.partition(pair);
    auto in_a = stream_of(a, pair.a, progress);
    auto in_b = stream_of(b, pair.b, progress);
    RecordStream* const stream_a = in_a ? &*in_a : nullptr;
    RecordStream* const stream_b = in_b ? &*in_b : nullptr;
    const auto counts = inspect::diff_logs(
        stream_a, stream_b, {.batches = options.batches, .stop = &progress.stop},
        [&](const LogDifference& difference) { return report.difference(difference); });
    if (!counts) return std::unexpected(counts.error());
    report.add(*counts, stream_a, stream_b);
    if (counts->stopped) break;
  }
  return {};
}

// Complains of a name that neither of the two has.
std::optional<Exit> check_topics(const LogDiffOptions& options, const DataDirectory& a,
                                 const DataDirectory& b) {
  auto names = names_in(a);
  std::ranges::copy(names_in(b), std::back_inserter(names));
  for (const auto& topic : options.topics) {
    if (std::ranges::find(names, topic) != names.end()) continue;
    const std::string text =
        "no topic or partition '" + topic + "' in " + options.a + " or " + options.b;
    return complain(Exit::not_found, with_suggestion(text, topic, names));
  }
  return std::nullopt;
}

}  // namespace

Exit log_diff(const Global& global, const LogDiffOptions& options) {
  auto a = open_directory(options.a, {});
  if (!a) return a.error();
  auto b = open_directory(options.b, {});
  if (!b) return b.error();
  if (const auto refused = check_topics(options, *a, *b)) return *refused;
  keep_asked_for(*a, options.topics);
  keep_asked_for(*b, options.topics);
  for (const auto* directory : {&*a, &*b})
    if (directory->holder)
      say(global, "open by process " + *directory->holder + ": " + directory->root +
                      "; what is being written may not show");
  catch_interrupts();
  Report report(global, options);
  bool stopped = false;
  {
    ByteProgress progress(global, size_of(*a) + size_of(*b));
    report.begin(progress);
    const auto done = compare(options, *a, *b, progress, report);
    if (!done) return complain_of_file(done.error());
    stopped = progress.stop;
  }
  report.end();
  return report.verdict(stopped);
}

}  // namespace sluice::cli
