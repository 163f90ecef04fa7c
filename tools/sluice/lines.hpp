// Lines of a file or of standard input; gzip is recognised and undone.
#pragma once

#include "base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

class LineReader {
 public:
  static constexpr std::size_t line_bytes_max = 256 << 20;

  // "-" is standard input. Errors: errno of the open.
  static Result<LineReader> open(const std::string& path);
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  // The next line without its '\n', as soon as it is there; nothing at the end, on an error, or
  // when a signal came. Lifetime: until the next call.
  std::optional<std::string_view> next();
  // Whether next() would have to wait for whoever writes. Before that, what was read so far should
  // be on its way.
  bool would_wait() const;
  // Why next() ended early; empty when it did not.
  const std::string& error() const { return error_; }
  // Bytes given out so far, line ends included.
  std::uint64_t bytes() const { return bytes_; }

 private:
  class Source;
  explicit LineReader(std::unique_ptr<Source> source);
  bool fill();

  std::unique_ptr<Source> source_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool ended_ = false;
  std::uint64_t bytes_ = 0;
  std::string error_;
};

}  // namespace sluice::cli
