#include "sluice/admin.hpp"
#include "sluice/consumer.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/consume_from.hpp"
#include "tools/sluice/record_format.hpp"
#include "tools/sluice/record_json.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <map>

namespace sluice::cli {

std::optional<ConsumeFrom> parse_from(std::string_view text, std::int64_t now_ms) {
  if (text == "start" || text == "beginning" || text == "earliest")
    return ConsumeFrom{ConsumeFrom::Kind::start, 0};
  if (text == "end" || text == "latest") return ConsumeFrom{ConsumeFrom::Kind::end, 0};
  if (text.starts_with('@')) {
    const auto time = parse_time(text.substr(1), now_ms);
    if (!time) return std::nullopt;
    return ConsumeFrom{ConsumeFrom::Kind::time, *time};
  }
  ConsumeFrom from{ConsumeFrom::Kind::offset, 0};
  if (text.starts_with('-')) from.kind = ConsumeFrom::Kind::last;
  if (text.starts_with('+')) from.kind = ConsumeFrom::Kind::skip;
  if (from.kind != ConsumeFrom::Kind::offset) text.remove_prefix(1);
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), from.number);
  if (ec != std::errc{} || end != text.data() + text.size() || from.number < 0) return std::nullopt;
  return from;
}

namespace {

// Everything the loop over records needs to know.
struct Plan {
  ConsumeFrom from;
  std::optional<RecordFormat> format;  // none: JSON
  Consumer::Offsets ends;              // --until-end: where to stop
};

Result<Consumer> make_consumer(const Global& global, const ConsumeOptions& options,
                               const ConsumeFrom& from) {
  ConsumerOptions settings{.client = global.client_options(), .group_id = options.group};
  settings.offset_reset =
      from.kind == ConsumeFrom::Kind::end ? OffsetReset::latest : OffsetReset::earliest;
  if (options.read_committed) settings.isolation = Isolation::read_committed;
  settings.partition_bytes_max = 4 * 1024 * 1024;
  settings.prefetch_bytes = 8 * 1024 * 1024;
  settings.session_timeout = std::chrono::seconds(15);
  settings.assignors = {assignor_from_name(options.assignor).value_or(Assignor::range)};
  settings.auto_commit = false;  // what was printed is committed, no more: see consume()
  return Consumer::create(std::move(settings));
}

// The partitions of the topics, or those of them that were asked for.
Result<Consumer::Partitions> chosen_partitions(Consumer& consumer, const ConsumeOptions& options) {
  Consumer::Partitions chosen;
  for (const auto& topic : options.topics) {
    auto all = consumer.partitions_of(topic);
    if (!all) return all;
    for (const auto number : options.partitions)
      if (number < 0 || static_cast<std::size_t>(number) >= all->size())
        return fail(Errc::unknown_topic, "topic '" + topic + "' has " +
                                             std::to_string(all->size()) +
                                             " partitions, no number " + std::to_string(number));
    for (auto& where : *all) {
      const auto& wanted = options.partitions;
      if (wanted.empty() ||
          std::find(wanted.begin(), wanted.end(), where.partition) != wanted.end())
        chosen.push_back(std::move(where));
    }
  }
  return chosen;
}

Result<Consumer::Offsets> start_offsets(Consumer& consumer, const Consumer::Partitions& partitions,
                                        const ConsumeFrom& from) {
  using Kind = ConsumeFrom::Kind;
  auto first = consumer.beginning_offsets(partitions);
  if (!first || from.kind == Kind::start) return first;
  auto last = consumer.end_offsets(partitions);
  if (!last || from.kind == Kind::end) return last;
  Consumer::Offsets offsets;
  if (from.kind == Kind::time) {
    std::map<TopicPartition, std::int64_t> times;
    for (const auto& where : partitions) times[where] = from.number;
    const auto found = consumer.offsets_for_times(times);
    if (!found) return std::unexpected(found.error());
    for (const auto& where : partitions) {
      const auto offset = found->at(where).offset;
      offsets[where] = offset >= 0 ? offset : last->at(where);  // nothing that new: the end
    }
    return offsets;
  }
  for (const auto& where : partitions) {
    Offset offset = from.number;
    if (from.kind == Kind::last) offset = last->at(where) - from.number;
    if (from.kind == Kind::skip) offset = first->at(where) + from.number;
    offsets[where] = std::clamp(offset, first->at(where), last->at(where));
  }
  return offsets;
}

Result<> begin_reading(Consumer& consumer, const ConsumeOptions& options, Plan& plan) {
  auto partitions = chosen_partitions(consumer, options);
  if (!partitions) return std::unexpected(partitions.error());
  if (options.until_end) {
    auto ends = consumer.end_offsets(*partitions);
    if (!ends) return std::unexpected(ends.error());
    plan.ends = std::move(*ends);
  }
  if (!options.group.empty() && options.partitions.empty())
    return consumer.subscribe(options.topics);
  const auto assigned = consumer.assign(*partitions);
  if (!assigned) return assigned;
  if (!options.group.empty() && !options.from) return {};  // the group's offsets
  const auto starts = start_offsets(consumer, *partitions, plan.from);
  if (!starts) return std::unexpected(starts.error());
  for (const auto& [where, offset] : *starts)
    if (const auto sought = consumer.seek(where, offset); !sought) return sought;
  return {};
}

// Whether all partitions that we hold were read up to where they ended when we began.
bool at_end(const Consumer& consumer, const Plan& plan) {
  const auto positions = consumer.positions();
  if (positions.empty()) return false;
  for (const auto& [where, position] : positions) {
    const auto end = plan.ends.find(where);
    if (position < 0 || (end != plan.ends.end() && position < end->second)) return false;
  }
  return true;
}

void report_rebalance(const Global& global, Consumer& consumer) {
  const auto change = consumer.take_rebalance();
  if (!change || global.quiet || !interactive()) return;
  std::string text = "assigned:";
  for (const auto& where : change->assigned) text += " " + where.to_string();
  say(global, change->assigned.empty() ? "assigned: nothing" : text);
}

// Where each partition stops with --until-end; remembers the partition asked for last, since
// records come in runs.
class Ends {
 public:
  explicit Ends(const Consumer::Offsets& ends) : ends_(ends) {}
  bool beyond(const RecordView& record) {
    if (ends_.empty()) return false;
    if (record.partition != partition_ || record.topic != topic_) {
      topic_ = record.topic;
      partition_ = record.partition;
      const auto found = ends_.find({topic_, partition_});
      end_ = found == ends_.end() ? std::numeric_limits<Offset>::max() : found->second;
    }
    return record.offset >= end_;
  }

 private:
  const Consumer::Offsets& ends_;
  std::string topic_;
  PartitionIndex partition_ = -1;
  Offset end_ = 0;
};

// The group went on without us, which we join again: nothing to end for.
bool lost_membership(const Error& error) {
  if (error.code.category() != broker_category()) return false;
  const auto code = static_cast<ErrorCode>(error.code.value());
  return code == ErrorCode::illegal_generation || code == ErrorCode::unknown_member_id ||
         code == ErrorCode::rebalance_in_progress;
}

// The group goes on behind what was printed; `printed` records of `records` were.
Result<> commit_printed(Consumer& consumer, Consumer::Records records, std::size_t printed) {
  if (printed == records.size()) return consumer.commit();
  Consumer::Offsets offsets;
  for (const auto& record : records.first(printed))
    offsets[{std::string(record.topic), record.partition}] = record.offset + 1;
  return offsets.empty() ? Result<>{} : consumer.commit(offsets);
}

Exit print_records(const Global& global, Consumer& consumer, const ConsumeOptions& options,
                   const Plan& plan) {
  Output out;
  Ends ends(plan.ends);
  using Clock = std::chrono::steady_clock;
  auto heard = Clock::now();
  std::int64_t left = options.count;
  while (!interrupted() && left != 0) {
    if (options.until_end && at_end(consumer, plan)) break;
    const auto records = consumer.poll(std::chrono::milliseconds(100));
    report_rebalance(global, consumer);
    if (!records) {
      // A broker that restarts is worth waiting for.
      const bool may_pass = exit_for(records.error()) == Exit::unreachable;
      if (!may_pass || Clock::now() - heard >= global.timeout())
        return complain(global, records.error());
      continue;
    }
    heard = Clock::now();
    if (records->empty()) out.look_for_reader();
    std::size_t seen = 0;
    for (const auto& record : *records) {
      if (left == 0) break;
      ++seen;
      if (ends.beyond(record)) continue;
      if (left > 0) --left;
      if (plan.format) {
        plan.format->append(out.buffer(), record);
      } else {
        append_record_json(out.buffer(), record);
        out.buffer() += '\n';
      }
      out.maybe_flush();
    }
    out.flush();
    if (out.broken()) break;
    if (options.group.empty() || records->empty()) continue;
    const auto committed = commit_printed(consumer, *records, seen);
    if (!committed && lost_membership(committed.error()))
      say(global, "left behind by a rebalance; others may print the last records again");
    else if (!committed)
      return complain(global, committed.error());
  }
  if (out.failure() != 0)
    return complain(Exit::failed, std::string("cannot write: ") + std::strerror(out.failure()));
  return Exit::ok;
}

// The error's context names the topic, or says which partition is missing.
Exit no_such_topic(const Global& global, const Error& error) {
  std::vector<std::string> names;
  if (auto admin = Admin::create(global.client_options()))
    if (const auto topics = admin->topics())
      for (const auto& topic : *topics) names.push_back(topic.name);
  if (error.context.find(' ') != std::string::npos) return complain(Exit::not_found, error.context);
  const auto near = suggestion(error.context, names);
  return complain(Exit::not_found,
                  "no topic '" + error.context + "'" + (near.empty() ? "" : "; " + near));
}

}  // namespace

Exit consume(const Global& global, const ConsumeOptions& options) {
  Plan plan;
  const auto from = parse_from(options.from.value_or("start"), SystemClock{}.wall_ms());
  if (!from)
    return complain(
        Exit::usage,
        "--from '" + *options.from +
            "' is none of start, end, OFFSET, -N, +N, @TIME (@2015-01-01T12:00 or @-15m)");
  plan.from = *from;
  if (!global.json) {
    auto format = RecordFormat::parse(options.format);
    if (!format) return complain(Exit::usage, format.error());
    plan.format = std::move(*format);
  }
  auto consumer = make_consumer(global, options, plan.from);
  if (!consumer) return complain(global, consumer.error());
  const auto begun = begin_reading(*consumer, options, plan);
  if (!begun && begun.error().code == make_error_code(Errc::unknown_topic))
    return no_such_topic(global, begun.error());
  if (!begun) return complain(global, begun.error());
  catch_interrupts();
  const Exit status = print_records(global, *consumer, options, plan);
  const auto closed = consumer->close(Deadline::in(std::chrono::seconds(2)));
  if (!closed && status == Exit::ok) return complain(global, closed.error());
  return status;
}

}  // namespace sluice::cli
