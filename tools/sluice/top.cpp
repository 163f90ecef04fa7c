// `sluice top`: what goes on in a cluster, twice a second, on the whole screen.
#include "sluice/error.hpp"
#include "tools/sluice/families.hpp"
#include "tools/sluice/group_details.hpp"
#include "tools/sluice/top_sample.hpp"
#include "tools/sluice/top_terminal.hpp"

#include <chrono>
#include <initializer_list>
#include <poll.h>
#include <unistd.h>

namespace sluice::cli {
namespace {

constexpr int seconds_every = 8;  // samples between looks at the age of records: they cost fetches

struct TopOptions {
  double interval = 0.5;
  bool once = false;
};

// Takes sample after sample.
class Sampler {
 public:
  Sampler(const Global& global, Admin admin) : global_(global), admin_(std::move(admin)) {}

  Result<TopSample> next(const TopSample& last) {
    if (!global_.http.empty()) return sample_http(global_);
    const bool look = taken_++ % seconds_every == 0;
    auto sample = sample_cluster(admin_, global_, look ? LagSeconds::find : LagSeconds::skip);
    if (!sample || look) return sample;
    for (auto& group : sample->groups)  // as of the last look
      for (const auto& known : last.groups)
        if (known.name == group.name && group.lag > 0) group.lag_seconds = known.lag_seconds;
    return sample;
  }

 private:
  const Global& global_;
  Admin admin_;
  int taken_ = 0;
};

Exit complain_of_sample(const Global& global, const Error& error) {
  if (!global.http.empty() && error.is(Errc::unreachable))
    return complain(Exit::unreachable, "cannot reach an HTTP port at " + global.http +
                                           "; --http HOST:PORT names another");
  return complain(global, error);
}

Exit once(const Global& global, const TopOptions& options, Sampler& sampler) {
  const auto before = sampler.next({});
  if (!before) return complain_of_sample(global, before.error());
  ::poll(nullptr, 0, static_cast<int>(options.interval * 1000));
  const auto now = sampler.next(*before);
  if (!now) return complain_of_sample(global, now.error());
  Output out;
  if (global.json) {
    out.write(top_json(*before, *now));
    return Exit::ok;
  }
  for (const auto page : {TopView::Page::topics, TopView::Page::groups}) {
    const auto screen = draw({.page = page}, *before, *now, 200, 10'000);
    for (std::size_t line = page == TopView::Page::topics ? 0 : 2; line < screen.lines.size();
         ++line)
      if (line != 1) out.write(screen.lines[line] + "\n");
  }
  return Exit::ok;
}

Exit watch(const Global& global, const TopOptions& options, Sampler& sampler) {
  using Clock = std::chrono::steady_clock;
  auto before = sampler.next({});
  if (!before) return complain_of_sample(global, before.error());
  auto now = *before;
  const auto pause = std::chrono::milliseconds(static_cast<std::int64_t>(options.interval * 1000));
  TopView view;
  TopTerminal terminal;
  for (auto due = Clock::now() + pause; !interrupted();) {
    const auto screen = draw(view, *before, now, terminal.width(), terminal.height());
    terminal.show(screen);
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(due - Clock::now()).count();
    const auto key = terminal.key(std::max<std::int64_t>(0, left));
    if (key && !press(*key, view, screen)) return Exit::ok;
    if (Clock::now() < due) continue;
    due = Clock::now() + pause;
    auto next = sampler.next(now);
    if (!next) {
      terminal.leave();
      return complain_of_sample(global, next.error());
    }
    before = std::move(now);
    now = std::move(*next);
  }
  return Exit::ok;
}

Exit top(const Global& global, const TopOptions& options) {
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  Sampler sampler(global, std::move(*admin));
  if (options.once) return once(global, options, sampler);
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
    return complain(Exit::usage, "top wants a terminal; --once prints, --once --json for scripts");
  catch_interrupts();
  return watch(global, options, sampler);
}

}  // namespace

void add_top(CLI::App& app, CommandLine& line) {
  const auto added = line.command<TopOptions>(
      app, "top", "Rates, lag, latency and disk, live on the whole screen", top);
  added->add_option("--interval", added.options.interval, "Seconds between samples")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  added->add_flag("--once", added.options.once, "Print the rates between two samples, and end");
  added->footer(
      "Examples:\n"
      "  sluice top\n"
      "  sluice top --once --json\n"
      "  sluice --http 127.0.0.1:9644 top\n"
      "Keys: t topics, g groups, arrows or < > to choose row and sorting, r reverse, Enter into a\n"
      "topic or group, Backspace out, q to end. From the Kafka API of any cluster; with --http "
      "from\n"
      "a sluiced's HTTP port.");
}

}  // namespace sluice::cli
