#include "tools/sluice/lines.hpp"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace sluice::cli {
namespace {

constexpr std::size_t piece = 256 * 1024;

bool is_gzip(std::string_view start) { return start.starts_with("\x1f\x8b"); }

}  // namespace

// Bytes of a descriptor, inflated where they are gzip.
class LineReader::Source {
 public:
  explicit Source(int descriptor) : descriptor_(descriptor), raw_(piece, '\0') {}
  ~Source() {
    if (inflating_) inflateEnd(&stream_);
    ::close(descriptor_);
  }

  bool would_wait() const {
    pollfd in{.fd = descriptor_, .events = POLLIN, .revents = 0};
    return left_ == 0 && ::poll(&in, 1, 0) == 0;
  }

  // Appends what comes next; false at the end or on an error.
  bool read(std::string& out, std::string& error) {
    for (;;) {
      if (left_ == 0) {
        const auto count = ::read(descriptor_, raw_.data(), raw_.size());
        if (count < 0 && errno != EINTR) error = std::strerror(errno);
        if (count == 0 && inflating_ && !member_ended_) error = "the gzip file ends too early";
        if (count <= 0) return false;
        at_ = 0;
        left_ = static_cast<std::size_t>(count);
        if (!started_) begin();
      }
      if (!inflating_) {
        out.append(raw_.data() + at_, left_);
        left_ = 0;
        return true;
      }
      const std::size_t before = out.size();
      if (!inflate_some(out, error)) return false;
      if (out.size() > before) return true;
    }
  }

 private:
  void begin() {
    started_ = true;
    if (!is_gzip({raw_.data(), left_})) return;
    inflating_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }

  bool inflate_some(std::string& out, std::string& error) {
    if (member_ended_) {  // several members may follow each other
      inflateReset(&stream_);
      member_ended_ = false;
    }
    const std::size_t before = out.size();
    out.resize(before + piece);
    stream_.next_in = reinterpret_cast<Bytef*>(raw_.data() + at_);
    stream_.avail_in = static_cast<uInt>(left_);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream_.avail_out = static_cast<uInt>(piece);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    at_ += left_ - stream_.avail_in;
    left_ = stream_.avail_in;
    out.resize(before + piece - stream_.avail_out);
    member_ended_ = status == Z_STREAM_END;
    if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR) return true;
    error = std::string("bad gzip data: ") + (stream_.msg ? stream_.msg : "damaged");
    return false;
  }

  int descriptor_;
  std::string raw_;
  std::size_t at_ = 0;
  std::size_t left_ = 0;
  bool started_ = false;
  bool inflating_ = false;
  bool member_ended_ = false;
  z_stream stream_{};
};

LineReader::LineReader(std::unique_ptr<Source> source) : source_(std::move(source)) {}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

Result<LineReader> LineReader::open(const std::string& path) {
  const int descriptor =
      path == "-" ? dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail_errno(errno, path);
  return LineReader(std::make_unique<Source>(descriptor));
}

bool LineReader::would_wait() const {
  return !ended_ && buffer_.find('\n', begin_) == std::string::npos && source_->would_wait();
}

bool LineReader::fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  return source_->read(buffer_, error_);
}

std::optional<std::string_view> LineReader::next() {
  std::size_t searched = begin_;
  for (;;) {
    const auto end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      const std::string_view line(buffer_.data() + begin_, end - begin_);
      bytes_ += line.size() + 1;
      begin_ = end + 1;
      return line;
    }
    searched = buffer_.size() - begin_;
    if (searched > line_bytes_max) error_ = "a line is longer than 256 MiB";
    if (!error_.empty()) {
      begin_ = buffer_.size();
      break;
    }
    if (ended_ || !fill()) break;
  }
  ended_ = true;
  if (begin_ == buffer_.size()) return std::nullopt;
  const std::string_view last(buffer_.data() + begin_, buffer_.size() - begin_);
  begin_ = buffer_.size();
  bytes_ += last.size();
  return last;
}

}  // namespace sluice::cli
