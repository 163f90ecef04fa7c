// Frames written by Kafka's own encoder: what we decode is what was put in, and what we encode is
// the same bytes. Every API, both directions, every version; see tests/golden/protocol/README.md.
#include "protocol/frame.hpp"
#include "tests/support/any_message.hpp"
#include "tests/support/hex.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <tuple>

namespace sluice::protocol {
namespace {

struct Line {
  std::int16_t key = 0;
  char kind = 'Q';
  Version version = 0;
  char mode = 'f';
  std::string hex;
};
std::ostream& operator<<(std::ostream& out, const Line& line) {
  return out << to_string(static_cast<ApiKey>(line.key)) << ' ' << line.kind << ' ' << line.version
             << ' ' << line.mode;
}

using Golden = std::map<std::tuple<std::int16_t, char, Version, char>, Line>;

Golden read_golden() {
  std::ifstream file{SLUICE_GOLDEN_DIR "/protocol/messages.hex"};
  Golden golden;
  for (Line line; file >> line.key >> line.kind >> line.version >> line.mode >> line.hex;)
    golden[{line.key, line.kind, line.version, line.mode}] = line;
  return golden;
}

Bytes body_of(Bytes frame, const Line& line) {
  if (line.kind == 'Q') {
    RequestFrame request;
    EXPECT_EQ(parse_request(frame, request), WireError::none) << line;
    EXPECT_EQ(request.header.api_key, line.key);
    EXPECT_EQ(request.header.version, line.version);
    EXPECT_EQ(request.header.correlation_id, 7);
    EXPECT_EQ(request.header.client_id, "sluice");
    return request.body;
  }
  ResponseFrame response;
  EXPECT_EQ(parse_response(frame, *find_api(line.key), line.version, response), WireError::none)
      << line;
  EXPECT_EQ(response.correlation_id, 7);
  return response.body;
}

// The frame that we write around `message`, without the size prefix.
std::string frame_of(const test::AnyMessage& message, const Line& line) {
  std::vector<std::byte> out;
  const ApiInfo& api = *find_api(line.key);
  const std::size_t begin =
      line.kind == 'Q' ? begin_request({.api_key = line.key,
                                        .version = line.version,
                                        .correlation_id = 7,
                                        .client_id = "sluice"},
                                       out)
                       : begin_response(7, api.flexible_response_header(line.version), out);
  EXPECT_EQ(end_frame(message.encode(line.version, out), begin, 0, out), WireError::none) << line;
  return out.empty() ? "" : test::hex(Bytes{out}.subspan(frame_prefix_size));
}

void check(const test::MessageType& type, const Line& line) {
  const auto frame = test::unhex(line.hex);
  const auto read = type.make();
  ASSERT_EQ(read->decode(body_of(frame, line), line.version), WireError::none) << line;
  EXPECT_EQ(frame_of(*read, line), line.hex) << line;

  // Nullable error messages default to null with us, and in Kafka to "" in some messages.
  test::TextPool pool;
  std::unique_ptr<test::AnyMessage> made;
  for (const bool empty_errors : {false, true}) {
    test::GoldenValues values{pool, static_cast<test::FillMode>(line.mode),
                              empty_errors && line.mode == 'e'};
    made = type.make();
    made->fill(values, line.version);
    if (read->same(*made)) break;
  }
  EXPECT_TRUE(read->same(*made)) << line;
  EXPECT_EQ(frame_of(*made, line), line.hex) << line;
}

TEST(Golden, EveryMessageInEveryVersionIsTheBytesOfKafka) {
  Golden golden = read_golden();
  for (const test::MessageType& type : test::all_messages()) {
    if (static_cast<std::int16_t>(type.key) >= 10'000) continue;  // sluice's own
    for (Version v = type.versions.first; v <= type.versions.last; ++v) {
      for (const char mode : {'f', 'n', 'e'}) {
        const auto line = golden.extract(
            {static_cast<std::int16_t>(type.key), type.request ? 'Q' : 'R', v, mode});
        ASSERT_TRUE(line) << "no golden frame: " << to_string(type.key) << ' ' << v << ' ' << mode;
        check(type, line.mapped());
      }
    }
  }
  EXPECT_TRUE(golden.empty()) << golden.size() << " lines are of no message, first "
                              << golden.begin()->second;
}

}  // namespace
}  // namespace sluice::protocol
