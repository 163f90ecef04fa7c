#include "tools/sluice/cli.hpp"

#include "protocol/error_code.hpp"
#include "sluice/error.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace sluice::cli {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;
int write_failure = 0;  // errno of the first that was no closed pipe

void on_interrupt(int) { interrupt_seen = 1; }

Exit exit_for_broker(protocol::ErrorCode code) {
  using enum protocol::ErrorCode;
  switch (code) {
    case unknown_topic_or_partition:
    case unknown_topic_id:
    case group_id_not_found:
    case resource_not_found:
      return Exit::not_found;
    case topic_authorization_failed:
    case group_authorization_failed:
    case cluster_authorization_failed:
    case sasl_authentication_failed:
      return Exit::denied;
    case request_timed_out:
      return Exit::unreachable;
    default:
      return Exit::failed;
  }
}

}  // namespace

std::chrono::milliseconds Global::timeout() const {
  return std::chrono::milliseconds(
      std::max<std::int64_t>(1, whole_units(timeout_seconds * 1000, pause_ms_max)));
}

ClientOptions Global::client_options() const {
  ClientOptions options{.brokers = {}, .client_id = "sluice"};
  std::string_view rest = brokers;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    if (comma > 0) options.brokers.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  options.request_timeout = timeout();
  options.connect_timeout = timeout();
  return options;
}

Exit exit_for(const Error& error) {
  if (error.code.category() == broker_category())
    return exit_for_broker(static_cast<protocol::ErrorCode>(error.code.value()));
  if (error.code.category() == client_category()) {
    switch (static_cast<Errc>(error.code.value())) {
      case Errc::timed_out:
      case Errc::unreachable:
      case Errc::disconnected:
        return Exit::unreachable;
      case Errc::unknown_topic:
        return Exit::not_found;
      case Errc::invalid_argument:
        return Exit::usage;
      case Errc::cancelled:
        return Exit::interrupted;
      default:
        return Exit::failed;
    }
  }
  if (error.code == std::errc::no_such_file_or_directory) return Exit::not_found;
  if (error.code == std::errc::permission_denied ||
      error.code == std::errc::operation_not_permitted)
    return Exit::denied;
  if (error.code == std::errc::interrupted) return Exit::interrupted;
  return Exit::failed;
}

bool is_sentence(const Error& error) {
  return error.is(Errc::unknown_topic) && error.context.find(' ') != std::string::npos;
}

Exit complain(Exit status, std::string_view text) {
  const bool colour = style_for(STDERR_FILENO) == Style::colour;
  std::fprintf(stderr, "%ssluice:%s %.*s\n", colour ? "\x1b[1;31m" : "", colour ? "\x1b[0m" : "",
               static_cast<int>(text.size()), text.data());
  return status;
}

Exit complain(const Global& global, const Error& error) {
  const Exit status = exit_for(error);
  std::string text = error.message();
  if (error.code == make_error_code(Errc::unreachable))
    text = "cannot reach a broker at " + global.brokers + " (" + error.context +
           "); is it running? -b HOST:PORT names another";
  if (error.is(Errc::invalid_argument) && !error.context.empty()) text = error.context;
  if (is_sentence(error)) text = error.context;
  return complain(status, text);
}

void say(const Global& global, std::string_view text) {
  if (!global.quiet) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

std::string with_suggestion(std::string text, std::string_view word,
                            const std::vector<std::string>& candidates) {
  if (const auto near = nearest(word, candidates)) text += "; did you mean '" + *near + "'?";
  return text;
}

Exit no_such(std::string_view kind, std::string_view name,
             const std::vector<std::string>& candidates) {
  std::string text = "no " + std::string(kind) + " '" + std::string(name) + "'";
  return complain(Exit::not_found, with_suggestion(std::move(text), name, candidates));
}

Style style_for(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal && std::string_view(terminal) == "dumb";
  const bool wanted = (!no_color || !*no_color) && !dumb && isatty(descriptor);
  return wanted ? Style::colour : Style::plain;
}

std::size_t terminal_columns() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

bool interactive() { return isatty(STDIN_FILENO) && isatty(STDERR_FILENO); }

void Output::flush() {
  if (!broken_) write_pieces();
  buffer_.clear();
  borrowed_.clear();
}

// The buffer, with what was borrowed between its parts.
void Output::write_pieces() {
  std::vector<iovec> pieces;
  pieces.reserve(2 * borrowed_.size() + 1);
  const auto add = [&pieces](std::string_view text) {
    if (!text.empty()) pieces.push_back({const_cast<char*>(text.data()), text.size()});
  };
  std::size_t at = 0;
  for (const Borrowed& one : borrowed_) {
    add(std::string_view(buffer_).substr(at, one.at - at));
    add(one.text);
    at = one.at;
  }
  add(std::string_view(buffer_).substr(at));
  for (std::span<iovec> rest(pieces); !rest.empty() && !broken_;) {
    const auto count = std::min<std::size_t>(rest.size(), IOV_MAX);
    const auto written = ::writev(STDOUT_FILENO, rest.data(), static_cast<int>(count));
    if (written < 0) {
      if (errno == EINTR) continue;
      broken_ = true;
      if (errno == EPIPE) continue;
      failure_ = errno;
      if (write_failure == 0) write_failure = failure_;
      continue;
    }
    auto left = static_cast<std::size_t>(written);
    for (; !rest.empty() && left >= rest.front().iov_len; rest = rest.subspan(1))
      left -= rest.front().iov_len;
    if (left == 0) continue;
    rest.front().iov_base = static_cast<char*>(rest.front().iov_base) + left;
    rest.front().iov_len -= left;
  }
}

void Output::look_for_reader() {
  pollfd out{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  if (::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0) broken_ = true;
}

Exit complain_of_output(Exit status, int failure) {
  return complain(status, std::string("cannot write standard output: ") + std::strerror(failure));
}

Exit finish(Exit status) {
  if (status != Exit::ok || write_failure == 0) return status;
  return complain_of_output(Exit::failed, write_failure);
}

Exit complain_of_interrupt(std::string_view what) {
  return complain(Exit::interrupted, "interrupted: " + std::string(what));
}

void catch_interrupts() {
  if (interrupted()) return;  // the second is not caught
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // no SA_RESTART: a read of stdin ends as well
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return interrupt_seen != 0; }

}  // namespace sluice::cli
