// Frames written by Kafka's own encoder: what we decode is what was put in, and what we encode is
// the same bytes. Every API, both directions, every version; see tests/golden/protocol/README.md.
#include "protocol/frame.hpp"
#include "protocol/messages/all.hpp"
#include "tests/support/fill.hpp"
#include "tests/support/hex.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
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

// Nullable error messages default to null with us and to "" in Kafka: an error message that nobody
// set is none. Sets those that are null.
template <Described M>
void empty_error_messages(M& message, Version version) {
  for_each_field<M>([&](const auto& field) {
    auto& v = message.*field.member;
    using T = std::remove_cvref_t<decltype(v)>;
    if constexpr (std::is_same_v<T, std::optional<std::string_view>>) {
      if (field.name.ends_with("ErrorMessage") && field.options.versions.contains(version) && !v)
        v = "";
    } else if constexpr (is_vector<T>) {
      if constexpr (Described<typename T::value_type>)
        for (auto& element : v) empty_error_messages(element, version);
    } else if constexpr (Described<T>) {
      empty_error_messages(v, version);
    }
  });
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

template <Message M>
std::string frame_of(const M& message, const Line& line) {
  std::vector<std::byte> out;
  const WireError error = line.kind == 'Q' ? encode_request(message, line.version, 7, "sluice", out)
                                           : encode_response(message, line.version, 7, out);
  EXPECT_EQ(error, WireError::none) << line;
  return out.empty() ? "" : test::hex(Bytes{out}.subspan(frame_prefix_size));
}

template <Message M>
void check(const Line& line) {
  const auto frame = test::unhex(line.hex);
  M read;
  ASSERT_EQ(decode(body_of(frame, line), line.version, read), WireError::none) << line;
  EXPECT_EQ(frame_of(read, line), line.hex) << line;

  test::TextPool pool;
  test::GoldenValues values{pool, static_cast<test::FillMode>(line.mode)};
  M made = test::filled<M>(values, line.version);
  if (line.mode == 'e' && !same(read, made)) empty_error_messages(made, line.version);
  EXPECT_TRUE(same(read, made)) << line;
  EXPECT_EQ(frame_of(made, line), line.hex) << line;
}

template <Message M>
void check_versions(Golden& golden, char kind) {
  const Versions versions = M::schema.versions;
  for (Version v = versions.first; v <= versions.last; ++v) {
    for (const char mode : {'f', 'n', 'e'}) {
      const auto line = golden.extract({M::schema.api_key, kind, v, mode});
      ASSERT_TRUE(line) << "no golden frame: key " << M::schema.api_key << ' ' << kind << ' ' << v;
      check<M>(line.mapped());
    }
  }
}

TEST(Golden, EveryMessageInEveryVersionIsTheBytesOfKafka) {
  Golden golden = read_golden();
  Apis::for_each([&]<class A>(A) {
    check_versions<typename A::Request>(golden, 'Q');
    check_versions<typename A::Response>(golden, 'R');
  });
  EXPECT_TRUE(golden.empty()) << golden.size() << " lines are of no message, first "
                              << golden.begin()->second;
}

}  // namespace
}  // namespace sluice::protocol
