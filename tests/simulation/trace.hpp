// What has happened in a run, as one number: two runs with the same seed must come to the same.
#pragma once

#include "base/bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::simulation {

// A hash of everything it is told, in order.
class Trace {
 public:
  void add(std::uint64_t number) {
    mix(number);
    ++events_;
  }
  void add(Bytes bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
      mix(word);
    }
    add(bytes.size());
  }
  void add(std::string_view text) { add(as_bytes(text)); }

  std::uint64_t hash() const { return hash_; }
  std::uint64_t events() const { return events_; }

 private:
  void mix(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15u;
    hash_ ^= hash_ >> 32;
  }

  std::uint64_t hash_ = 0xcbf29ce484222325u;
  std::uint64_t events_ = 0;
};

}  // namespace sluice::simulation
