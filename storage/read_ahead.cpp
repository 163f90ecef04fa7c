#include "storage/read_ahead.hpp"

#include <algorithm>

namespace sluice::storage {

ReadAhead::Stream& ReadAhead::stream_at(std::int64_t begin) {
  const auto known = std::ranges::find(streams_, begin, &Stream::next);
  if (known != streams_.end()) return *known;
  Stream& oldest = *std::ranges::min_element(streams_, {}, &Stream::used);
  oldest = {};
  return oldest;
}

ReadAhead::Ask ReadAhead::after(std::int64_t begin, std::int64_t end, std::int64_t file_end,
                                std::int64_t window_max) {
  Stream& stream = stream_at(begin);
  stream.used = ++clock_;
  // Who begins at the start of a segment comes from the one before, as a rule.
  const bool follows = stream.next == begin || begin == 0;
  stream.next = end;
  stream.asked = std::max(stream.asked, end);
  if (!follows) return {};
  stream.window = std::min(window_max, 2 * std::max(stream.window, end - begin));
  if (stream.asked - end > stream.window / 2) return {};
  const Ask ask{stream.asked, std::min(file_end, end + stream.window)};
  stream.asked = std::max(stream.asked, ask.end);
  return ask;
}

}  // namespace sluice::storage
