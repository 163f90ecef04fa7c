#include "sluice/error.hpp"
#include "tools/sluice/dlq.hpp"
#include "tools/sluice/dlq_print.hpp"
#include "tools/sluice/text.hpp"
#include "tools/sluice/topic_names.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <unistd.h>

namespace sluice::cli {
namespace {

// "100" or "100/s".
std::optional<std::int32_t> parse_rate(std::string_view text) {
  if (text.ends_with("/s")) text.remove_suffix(2);
  std::int32_t rate = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (ec != std::errc{} || end != text.data() + text.size() || rate < 1) return std::nullopt;
  return rate;
}

// What the command line asks for is one of these.
std::optional<std::string> mistake_in(const DlqRedriveOptions& options) {
  const bool goes_on = !options.resume.empty() || !options.abandon.empty();
  if (!options.resume.empty() && !options.abandon.empty())
    return "--resume and --abandon exclude each other";
  const bool selects =
      options.all || options.selection.narrowed() || !options.selection.topic.empty();
  if (goes_on && (selects || options.redrive.dry_run || !options.to.empty()))
    return "a redrive that goes on has its topic, selection and target from its beginning";
  if (goes_on) return std::nullopt;
  if (options.selection.topic.empty()) return "which dead-letter topic?";
  if (!options.all && !options.selection.narrowed())
    return "say which records: --offset, a filter such as --reason, or --all";
  if (options.to == options.selection.topic) return "a dead-letter topic cannot be its own target";
  return std::nullopt;
}

// Shows how far it is on a terminal, and notices Ctrl-C.
class Watcher {
 public:
  explicit Watcher(const Global& global) : shows_(!global.quiet && isatty(STDERR_FILENO) != 0) {}
  bool look(const RedriveReport& report) {
    id_ = report.id;
    const auto now = std::chrono::steady_clock::now();
    if (shows_ && now - shown_ >= std::chrono::milliseconds(200)) {
      shown_ = now;
      std::fprintf(stderr, "\r%s redriven, %s looked at ",
                   with_commas(static_cast<std::uint64_t>(report.counts.redriven)).c_str(),
                   with_commas(static_cast<std::uint64_t>(report.counts.examined)).c_str());
      line_open_ = true;
    }
    return !interrupted();
  }
  void end() {
    if (line_open_) std::fputs("\r\x1b[K", stderr);
    line_open_ = false;
  }
  const std::string& id() const { return id_; }

 private:
  bool shows_;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point shown_;
  std::string id_;
};

Exit print_report(const Global& global, const RedriveReport& report, bool dry_run) {
  Output out;
  out.write(global.json ? report_json(report, dry_run) : report_text(report, dry_run));
  out.flush();
  if (report.uncertain)
    say(global, "whether the last window was sent is not known: records that would tell are gone");
  if (dry_run) return Exit::ok;
  if (report.state == RedriveState::running)
    return interrupted() ? complain_of_interrupt(how_to_go_on(report.id))
                         : complain(Exit::failed, "stopped: " + how_to_go_on(report.id));
  return report.counts.failed > 0 ? Exit::failed : Exit::ok;
}

Exit go_on(const Global& global, DeadLetters& letters, const DlqRedriveOptions& options) {
  Watcher watcher(global);
  const auto watch = [&](const RedriveReport& report) { return watcher.look(report); };
  const auto& id = options.resume.empty() ? options.abandon : options.resume;
  const auto report = options.resume.empty() ? letters.abandon(id) : letters.resume(id, watch);
  watcher.end();
  if (report) return print_report(global, *report, false);
  if (report.error().is(Errc::invalid_argument))
    return complain(Exit::not_found, report.error().context);
  const Exit status = complain(global, report.error());
  say(global, how_to_go_on(id));
  return status;
}

}  // namespace

Exit dlq_redrive(const Global& global, const DlqRedriveOptions& options) {
  if (const auto mistake = mistake_in(options)) return complain(Exit::usage, *mistake);
  auto settings = options.redrive;
  if (!options.to.empty()) settings.to = options.to;
  if (!options.rate.empty()) {
    const auto rate = parse_rate(options.rate);
    if (!rate)
      return complain(Exit::usage, "--rate '" + options.rate + "' is no number like 100/s");
    settings.records_per_second = *rate;
  }
  const auto selection = parse_selection(options.selection, SystemClock{}.wall_ms());
  if (!selection) return complain(Exit::usage, selection.error());
  auto letters = DeadLetters::create(global.client_options());
  if (!letters) return complain(global, letters.error());
  catch_interrupts();
  if (selection->topic.empty()) return go_on(global, *letters, options);

  const auto& topic = selection->topic;
  const auto unfinished = unfinished_redrive(*letters, topic);
  if (!unfinished) return complain(global, unfinished.error());
  if (*unfinished && !settings.dry_run)
    return complain(Exit::failed, "redrive " + (*unfinished)->id + " of " + topic +
                                      " is unfinished: " + how_to_go_on((*unfinished)->id));
  Watcher watcher(global);
  const auto report = letters->redrive(*selection, settings,
                                       [&](const RedriveReport& now) { return watcher.look(now); });
  watcher.end();
  if (!report) {
    const auto& error = report.error();
    if (error.is(Errc::unknown_topic) && (error.context == topic || error.context == options.to))
      return no_such_topic(global, error.context);
    const Exit status = complain(global, error);
    if (!watcher.id().empty()) say(global, how_to_go_on(watcher.id()));
    return status;
  }
  const Exit status = print_report(global, *report, settings.dry_run);
  if (!selection->offsets.empty() && report->counts.examined == 0)
    return complain(Exit::not_found, "no record has such an offset");
  return status;
}

}  // namespace sluice::cli
