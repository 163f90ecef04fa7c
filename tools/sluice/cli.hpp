// What every command of `sluice` shares: options, exit codes, output, errors, interruption.
#pragma once

#include "base/result.hpp"
#include "sluice/types.hpp"
#include "tools/sluice/table.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// The exit status of the program.
enum class Exit : int {
  ok = 0,
  failed = 1,
  usage = 2,
  not_found = 3,
  denied = 4,
  unreachable = 5,
  interrupted = 130,  // before its work was done; as shells say of SIGINT
};

// The longest time limit or pause that can be asked for, 24 days: requests say it in 32 bits.
inline constexpr std::int64_t pause_ms_max = std::numeric_limits<std::int32_t>::max();

struct Global {
  std::string brokers = "127.0.0.1:9092";  // comma-separated
  std::string http;                        // HOST:PORT of a sluiced's HTTP port; empty: unknown
  std::string context;                     // empty: the one in use
  bool json = false;
  bool quiet = false;
  bool no_input = false;  // ask nobody
  double timeout_seconds = 10;

  ClientOptions client_options() const;
  std::chrono::milliseconds timeout() const;
};

// Which exit status tells of an error.
Exit exit_for(const Error& error);
// Whether the error is of a topic or partition that is not there and says so in a sentence, instead
// of the topic's name.
bool is_sentence(const Error& error);
// "sluice: TEXT" on stderr. Returns `status`, so that a command can return it.
Exit complain(Exit status, std::string_view text);
// The same for an error of a call, with what to try next.
Exit complain(const Global& global, const Error& error);
// A message for people on stderr, unless --quiet.
void say(const Global& global, std::string_view text);

// `text`, with "; did you mean 'orders'?" when a candidate is near `word`.
std::string with_suggestion(std::string text, std::string_view word,
                            const std::vector<std::string>& candidates);
// "no topic 'order'; did you mean 'orders'?"
Exit no_such(std::string_view kind, std::string_view name,
             const std::vector<std::string>& candidates);

// Colours only on a terminal, and not with NO_COLOR.
Style style_for(int descriptor);
// Columns of the terminal behind stderr; 80 when it does not say.
std::size_t terminal_columns();
// Whether somebody sits at a terminal.
bool interactive();

// Buffered standard output. A reader that went away (closed pipe) is no error: writing stops. Any
// other failure (a full disk) is told, and makes the exit status, at the end: finish().
class Output {
 public:
  Output() { buffer_.reserve(capacity); }
  ~Output() { flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Where commands append; call write() or maybe_flush() afterwards.
  std::string& buffer() { return buffer_; }
  void write(std::string_view text) {
    buffer_ += text;
    maybe_flush();
  }
  void maybe_flush() {
    if (buffer_.size() >= capacity || borrowed_.size() >= borrowed_max) flush();
  }
  // As append to buffer(), without a copy: `text` stays until the next flush(). Worth it from some
  // hundred bytes on.
  void borrow(std::string_view text) { borrowed_.push_back({buffer_.size(), text}); }
  void flush();
  // Asks the system, without writing, whether the reader of a pipe went away; broken() says so
  // then.
  void look_for_reader();
  // The reader is gone or the disk is full: go on no further.
  bool broken() const { return broken_; }
  // errno of a failure that is not a closed pipe.
  int failure() const { return failure_; }

 private:
  struct Borrowed {
    std::size_t at;  // in the buffer: what goes before it
    std::string_view text;
  };
  static constexpr std::size_t capacity = 64 * 1024;
  static constexpr std::size_t borrowed_max = 500;  // with what lies between them below IOV_MAX

  void write_pieces();

  std::string buffer_;
  std::vector<Borrowed> borrowed_;
  bool broken_ = false;
  int failure_ = 0;
};

// Says that standard output could not be written, by the errno of Output::failure().
Exit complain_of_output(Exit status, int failure);
// The exit status of the program, after a command ended with `status`: a failure to write standard
// output is told here, once, unless the command failed anyway.
Exit finish(Exit status);

// "interrupted: WHAT": an end that comes before the work was done.
Exit complain_of_interrupt(std::string_view what);

// After this the first Ctrl-C (or SIGTERM) only makes interrupted() true; the second ends at once.
void catch_interrupts();
bool interrupted();

}  // namespace sluice::cli
