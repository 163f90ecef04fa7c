// What has happened in a run, as one number: two runs with the same seed must come to the same.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <string_view>

namespace sluice::simulation {

// FNV-1a over what it is told, in order.
class Trace {
 public:
  void add(std::uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) mix(static_cast<std::uint8_t>(number >> shift));
    ++events_;
  }
  void add(Bytes bytes) {
    for (const std::byte byte : bytes) mix(static_cast<std::uint8_t>(byte));
    add(bytes.size());
  }
  void add(std::string_view text) { add(as_bytes(text)); }

  std::uint64_t hash() const { return hash_; }
  std::uint64_t events() const { return events_; }

 private:
  void mix(std::uint8_t byte) { hash_ = (hash_ ^ byte) * 0x100000001b3u; }

  std::uint64_t hash_ = 0xcbf29ce484222325u;
  std::uint64_t events_ = 0;
};

}  // namespace sluice::simulation
