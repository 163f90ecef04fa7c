// Frames and headers of both sides, and the table of APIs they are read with.
#include "protocol/frame.hpp"

#include "protocol/messages/api_versions.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/heartbeat.hpp"
#include "protocol/messages/offset_delete.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace sluice::protocol {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> octets) {
  std::vector<std::byte> bytes;
  for (const int octet : octets) bytes.push_back(static_cast<std::byte>(octet));
  return bytes;
}

// The frame without its prefix, which must hold its size.
Bytes unprefixed(Bytes frame) {
  EXPECT_EQ(load_big_endian<std::int32_t>(frame.data()), static_cast<int>(frame.size()) - 4);
  return frame.subspan(frame_prefix_size);
}

HeartbeatRequest a_heartbeat() {
  HeartbeatRequest request;
  request.group_id = "g";
  request.member_id = "m";
  return request;
}

TEST(Frame, RequestHeaderHasTagsOnlyInFlexibleVersions) {
  std::vector<std::byte> old;
  ASSERT_EQ(encode_request(a_heartbeat(), 3, 9, "c", old), WireError::none);
  std::vector<std::byte> flexible;
  ASSERT_EQ(encode_request(a_heartbeat(), 4, 9, "c", flexible), WireError::none);
  const auto header = bytes_of({0, 12, 0, 4, 0, 0, 0, 9, 0, 1, 'c', 0, 2, 'g'});
  EXPECT_TRUE(std::ranges::equal(Bytes{flexible}.subspan(4, header.size()), header));
  EXPECT_EQ(old[4 + 11], std::byte{0}) << "the length of the group id";
  EXPECT_EQ(old[4 + 12], std::byte{1});
}

TEST(Frame, ParsesTheRequestsItWrites) {
  for (const Version version : {Version{0}, Version{4}}) {
    for (const auto& id : {std::optional<std::string_view>{}, {""}, {"client"}}) {
      std::vector<std::byte> out;
      ASSERT_EQ(encode_request(a_heartbeat(), version, 77, id, out), WireError::none);
      RequestFrame frame;
      ASSERT_EQ(parse_request(unprefixed(out), frame), WireError::none);
      ASSERT_NE(frame.api, nullptr);
      EXPECT_EQ(frame.api->key, ApiKey::heartbeat);
      EXPECT_EQ(frame.header.version, version);
      EXPECT_EQ(frame.header.correlation_id, 77);
      EXPECT_EQ(frame.header.client_id, id);
      HeartbeatRequest read;
      EXPECT_EQ(decode(frame.body, version, read), WireError::none);
      EXPECT_EQ(read.group_id, "g");
    }
  }
}

TEST(Frame, SkipsTagsOfTheHeader) {
  const auto frame = bytes_of({0, 12, 0, 4, 0, 0, 0, 9, 0, 1, 'c', 1, 5, 2, 7, 7, 42});
  RequestFrame request;
  ASSERT_EQ(parse_request(frame, request), WireError::none);
  ASSERT_EQ(request.body.size(), 1u);
  EXPECT_EQ(request.body[0], std::byte{42});
}

TEST(Frame, RefusesUnknownKeysAndVersionsButTellsThem) {
  RequestFrame request;
  EXPECT_EQ(parse_request(bytes_of({0, 4, 0, 1, 0, 0, 0, 5}), request), WireError::bad_header);
  EXPECT_EQ(request.api, nullptr);
  EXPECT_EQ(request.header.api_key, 4);
  EXPECT_EQ(parse_request(bytes_of({0, 18, 0, 99, 0, 0, 0, 5, 1, 2, 3}), request),
            WireError::unsupported_version);
  ASSERT_NE(request.api, nullptr);
  EXPECT_EQ(request.api->key, ApiKey::api_versions);
  EXPECT_EQ(request.header.version, 99);
  EXPECT_EQ(request.header.correlation_id, 5);
  EXPECT_EQ(parse_request(bytes_of({0, 12, 255, 255, 0, 0, 0, 5}), request),
            WireError::unsupported_version);
}

TEST(Frame, RefusesAHeaderCutAtAnyByte) {
  std::vector<std::byte> out;
  ASSERT_EQ(encode_request(a_heartbeat(), 4, 1, "client", out), WireError::none);
  const Bytes frame = unprefixed(out);
  RequestFrame request;
  for (std::size_t size = 0; size < 8 + 2 + 6 + 1; ++size)
    EXPECT_EQ(parse_request(frame.first(size), request), WireError::truncated) << size;
}

TEST(Frame, ResponseHeaderHasTagsExceptThatOfApiVersions) {
  std::vector<std::byte> flexible;
  ASSERT_EQ(encode_response(HeartbeatResponse{}, 4, 7, flexible), WireError::none);
  EXPECT_EQ(flexible.size(), 4u + 4 + 1 + 4 + 2 + 1);
  std::vector<std::byte> versions;
  ASSERT_EQ(encode_response(ApiVersionsResponse{}, 3, 7, versions), WireError::none);
  EXPECT_EQ(versions.size(), 4u + 4 + 2 + 1 + 4 + 1);
  std::vector<std::byte> never;
  ASSERT_EQ(encode_response(OffsetDeleteResponse{}, 0, 7, never), WireError::none);
  EXPECT_EQ(never.size(), 4u + 4 + 2 + 4 + 4);
}

TEST(Frame, ParsesTheResponsesItWrites) {
  const auto check = [](const auto& message, Version version) {
    using M = std::remove_cvref_t<decltype(message)>;
    std::vector<std::byte> out;
    ASSERT_EQ(encode_response(message, version, 7, out), WireError::none);
    ResponseFrame frame;
    ASSERT_EQ(parse_response(unprefixed(out), *find_api(api_key_of<M>), version, frame),
              WireError::none);
    EXPECT_EQ(frame.correlation_id, 7);
    M read;
    EXPECT_EQ(decode(frame.body, version, read), WireError::none);
    EXPECT_TRUE(same(read, message));
  };
  HeartbeatResponse heartbeat;
  heartbeat.error_code = ErrorCode::rebalance_in_progress;
  check(heartbeat, 3);
  check(heartbeat, 4);
  ApiVersionsResponse versions;
  versions.api_keys = {{.api_key = 1, .min_version = 4, .max_version = 18}};
  check(versions, 0);
  check(versions, 4);
}

TEST(Frame, SizePrefixCountsSplicedRecords) {
  auto data = std::make_shared<std::string>(4 * splice_bytes_min, 'x');
  FetchResponse response;
  response.responses = {{.topic = "t"}};
  response.responses[0].partitions.resize(1);
  response.responses[0].partitions[0].records = Records{{{as_bytes(*data), data}}};
  GatherBuffer gathered;
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(encode_response(response, 12, i, gathered), WireError::none);
  std::vector<std::byte> expected;
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(encode_response(response, 12, i, expected), WireError::none);
  std::vector<std::byte> joined;
  gathered.for_each_piece(
      [&](Bytes piece) { joined.insert(joined.end(), piece.begin(), piece.end()); });
  EXPECT_EQ(joined, expected);
}

TEST(Frame, AFailedMessageLeavesNoTrace) {
  HeartbeatRequest request = a_heartbeat();
  request.group_instance_id = "i";
  std::vector<std::byte> out{std::byte{1}};
  EXPECT_EQ(encode_request(request, 0, 1, "c", out), WireError::not_in_version);
  EXPECT_EQ(out.size(), 1u);
  HeartbeatResponse response;
  EXPECT_EQ(encode_response(response, 99, 1, out), WireError::unsupported_version);
  EXPECT_EQ(out.size(), 1u);
  GatherBuffer gathered;
  EXPECT_EQ(encode_response(response, 99, 1, gathered), WireError::unsupported_version);
  EXPECT_TRUE(gathered.empty());
}

TEST(Frame, WritableFindsAViewInItsFrame) {
  std::vector<std::byte> frame(16);
  const MutableBytes part = writable(frame, Bytes{frame}.subspan(4, 3));
  EXPECT_EQ(part.data(), frame.data() + 4);
  EXPECT_EQ(part.size(), 3u);
  EXPECT_TRUE(writable(frame, {}).empty());
}

bool is_kafkas(const ApiInfo& api) { return static_cast<std::int16_t>(api.key) < 10'000; }

TEST(Api, TableKnowsNamesAndVersions) {
  EXPECT_EQ(std::ranges::count_if(all_apis(), is_kafkas), 62);
  EXPECT_EQ(to_string(ApiKey::list_offsets), "ListOffsets");
  EXPECT_EQ(find_api(ApiKey::fetch)->versions.first, 4);
  EXPECT_EQ(find_api(ApiKey::fetch)->versions.last, 18);
  EXPECT_EQ(find_api(ApiKey::produce)->advertised.first, 0);
  EXPECT_EQ(find_api(ApiKey::produce)->versions.first, 3);
  EXPECT_EQ(find_api(ApiKey::init_producer_id)->advertised.last, 5);
  EXPECT_EQ(find_api(std::int16_t{4}), nullptr);
  EXPECT_EQ(find_api(std::int16_t{-1}), nullptr);
  EXPECT_EQ(find_api(std::int16_t{93}), nullptr);
  EXPECT_EQ(to_string(static_cast<ApiKey>(7)), "Unknown");
}

}  // namespace
}  // namespace sluice::protocol
