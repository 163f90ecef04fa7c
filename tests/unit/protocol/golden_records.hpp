// The golden batches of tests/golden/records: bytes that real clients made, and what is in them.
#pragma once

#include "protocol/record_batch.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace sluice::protocol {

inline std::vector<std::byte> read_golden_bytes(const std::string& name) {
  std::ifstream file{std::string{SLUICE_GOLDEN_DIR "/records/"} + name + ".hex"};
  EXPECT_TRUE(file.is_open()) << name;
  std::vector<std::byte> bytes;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    for (std::size_t i = 0; i + 1 < line.size(); i += 2)
      bytes.push_back(static_cast<std::byte>(std::stoi(line.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

inline constexpr std::array golden_clients{"java", "librdkafka", "kafka_python"};
inline constexpr std::array all_compressions{
    Compression::none, Compression::gzip, Compression::snappy, Compression::lz4, Compression::zstd};

inline constexpr std::int64_t golden_timestamp = 1'700'000'000'000;  // of the first record

struct GoldenRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::size_t header_count = 0;
  bool operator==(const GoldenRecord&) const = default;
};

// What `small` holds; kafka-python cannot send the header without a value.
inline std::vector<GoldenRecord> golden_small_records(const std::string& client) {
  std::string again;
  for (int i = 0; i < 64; ++i) again += "abc";
  return {{"key-1", "value-1", client == "kafka_python" ? 2u : 3u},
          {std::nullopt, "no key"},
          {"tombstone", std::nullopt},
          {"", ""},
          {"again", again}};
}

inline std::string golden_large_value() {
  std::string value;
  for (int i = 0; i < 3600; ++i) {
    std::array<char, 40> line;
    std::snprintf(line.data(), line.size(), "line %05d of a large value\n", i / 100);
    value += line.data();
  }
  return value;
}

}  // namespace sluice::protocol
