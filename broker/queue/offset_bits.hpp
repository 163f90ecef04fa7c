// A set of offsets of one log, a bit each: eight offsets a byte between the least and the greatest.
#pragma once

#include "protocol/ids.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace sluice::broker {

class OffsetBits {
 public:
  bool contains(Offset offset) const {
    const auto at = word_of(offset);
    return at < words_.size() && (words_[at] & bit_of(offset)) != 0;
  }
  // Requires: offset >= 0.
  void insert(Offset offset) {
    if (words_.empty()) base_ = offset / 64;
    for (; offset / 64 < base_; --base_) words_.push_front(0);
    const auto at = static_cast<std::size_t>(offset / 64 - base_);
    if (at >= words_.size()) words_.resize(at + 1);
    if ((words_[at] & bit_of(offset)) != 0) return;
    words_[at] |= bit_of(offset);
    ++count_;
  }
  void erase(Offset offset) {
    if (!contains(offset)) return;
    words_[word_of(offset)] &= ~bit_of(offset);
    --count_;
    while (!words_.empty() && words_.front() == 0) {
      words_.pop_front();
      ++base_;
    }
  }
  void clear() {
    words_.clear();
    count_ = 0;
  }

  std::int64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // The least offset that is at least `from`.
  std::optional<Offset> next(Offset from) const {
    if (from < base_ * 64) from = base_ * 64;
    for (std::size_t at = word_of(from); at < words_.size(); ++at) {
      std::uint64_t word = words_[at];
      if (at == word_of(from)) word &= ~std::uint64_t{0} << (from % 64);
      if (word != 0) return (base_ + static_cast<Offset>(at)) * 64 + std::countr_zero(word);
    }
    return std::nullopt;
  }
  std::optional<Offset> first() const { return next(0); }

 private:
  static std::uint64_t bit_of(Offset offset) { return std::uint64_t{1} << (offset % 64); }
  // Beyond words_ for what lies outside.
  std::size_t word_of(Offset offset) const { return static_cast<std::size_t>(offset / 64 - base_); }

  std::deque<std::uint64_t> words_;
  Offset base_ = 0;  // words_[0] stands for the 64 offsets from base_ * 64 on
  std::int64_t count_ = 0;
};

}  // namespace sluice::broker
