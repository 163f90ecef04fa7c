// The rules of the codec on single messages: shapes, bounds, errors, splicing.
#include "protocol/codec.hpp"

#include "protocol/decoder.hpp"
#include "protocol/messages/api_versions.hpp"
#include "protocol/messages/delete_groups.hpp"
#include "protocol/messages/describe_topic_partitions.hpp"
#include "protocol/messages/fetch.hpp"
#include "protocol/messages/heartbeat.hpp"
#include "protocol/messages/join_group.hpp"
#include "protocol/messages/metadata.hpp"
#include "protocol/messages/produce.hpp"
#include "protocol/messages/share_acknowledge.hpp"
#include "tests/support/hex.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace sluice::protocol {
namespace {

using test::hex;
using test::unhex;

template <Message M>
std::string encoded(const M& message, Version version) {
  std::vector<std::byte> out;
  EXPECT_EQ(encode(message, version, out), WireError::none);
  EXPECT_EQ(out.size(), encoded_size(message, version));
  return hex(out);
}

// What `message` borrows is gone when this returns.
template <Message M>
WireError decode_hex(std::string_view text, Version version, M& message) {
  const auto bytes = unhex(text);
  return decode(bytes, version, message);
}

HeartbeatRequest a_heartbeat() {
  HeartbeatRequest request;
  request.group_id = "g";
  request.generation_id = 7;
  request.member_id = "m1";
  return request;
}

TEST(Codec, WritesLengthsAsIntegersBeforeFlexibleVersions) {
  EXPECT_EQ(encoded(a_heartbeat(), 0),
            "000167"
            "00000007"
            "00026d31");
  EXPECT_EQ(encoded(a_heartbeat(), 3),
            "000167"
            "00000007"
            "00026d31"
            "ffff");
}

TEST(Codec, WritesCompactLengthsAndATagSectionInFlexibleVersions) {
  EXPECT_EQ(encoded(a_heartbeat(), 4),
            "0267"
            "00000007"
            "036d31"
            "00"
            "00");
}

TEST(Codec, RefusesVersionsOutsideTheSchema) {
  std::vector<std::byte> out;
  HeartbeatRequest request;
  EXPECT_EQ(encode(request, 5, out), WireError::unsupported_version);
  EXPECT_EQ(encode(request, -1, out), WireError::unsupported_version);
  EXPECT_EQ(decode(Bytes{}, 5, request), WireError::unsupported_version);
  EXPECT_EQ(encoded_size(request, 5), 0u);
}

TEST(Codec, RefusesAFieldThatIsSetButNotInTheVersion) {
  HeartbeatRequest request = a_heartbeat();
  request.group_instance_id = "i";
  std::vector<std::byte> out{std::byte{1}};
  EXPECT_EQ(encode(request, 2, out), WireError::not_in_version);
  EXPECT_EQ(out.size(), 1u) << "out is as before";
  EXPECT_EQ(encode(request, 3, out), WireError::none);
}

TEST(Codec, DropsAnIgnorableFieldThatTheVersionLacks) {
  JoinGroupRequest request;
  request.reason = "because";
  std::vector<std::byte> out;
  EXPECT_EQ(encode(request, 0, out), WireError::none);
}

TEST(Codec, RefusesNullWhereTheVersionHasNone) {
  MetadataRequest request;
  request.topics.reset();
  std::vector<std::byte> out;
  EXPECT_EQ(encode(request, 0, out), WireError::null_not_allowed);
  EXPECT_EQ(encoded(request, 1), "ffffffff");
  MetadataRequest read;
  EXPECT_EQ(decode_hex("ffffffff", 0, read), WireError::null_not_allowed);
  EXPECT_EQ(decode_hex("ffffffff", 1, read), WireError::none);
  EXPECT_FALSE(read.topics);
  HeartbeatRequest heartbeat;
  EXPECT_EQ(decode_hex("ffff"
                       "00000007"
                       "00026d31",
                       0, heartbeat),
            WireError::null_not_allowed);
}

TEST(Codec, RefusesBytesAfterTheMessage) {
  HeartbeatRequest request;
  EXPECT_EQ(decode_hex("0267"
                       "00000007"
                       "036d31"
                       "00"
                       "00"
                       "00",
                       4, request),
            WireError::trailing_bytes);
}

TEST(Codec, RefusesATruncatedMessage) {
  HeartbeatRequest request;
  EXPECT_EQ(decode_hex("0267"
                       "00000007"
                       "036d",
                       4, request),
            WireError::truncated);
  EXPECT_EQ(decode_hex("", 4, request), WireError::truncated);
}

TEST(Codec, SkipsUnknownTags) {
  const auto frame = unhex(
      "0267"
      "00000007"
      "036d31"
      "00"
      "02"
      "0502abcd"
      "0900");
  HeartbeatRequest request;
  EXPECT_EQ(decode(frame, 4, request), WireError::none);
  EXPECT_EQ(request.member_id, "m1");
}

TEST(Codec, RefusesATagThatComesTwice) {
  FetchRequest request;
  request.cluster_id = "c";
  const std::string once = encoded(request, 12);
  ASSERT_TRUE(
      once.ends_with("01"
                     "00"
                     "02"
                     "0263"))
      << once;
  const std::string head = once.substr(0, once.size() - 10);
  FetchRequest read;
  EXPECT_EQ(decode_hex(head + "01"
                              "00020263",
                       12, read),
            WireError::none);
  EXPECT_TRUE(read.cluster_id);
  EXPECT_EQ(decode_hex(head + "02"
                              "00020263"
                              "00020263",
                       12, read),
            WireError::duplicate_tag);
}

TEST(Codec, RefusesATaggedFieldThatDoesNotFillItsSize) {
  FetchRequest request;
  const std::string head = encoded(request, 12);
  const std::string body = head.substr(0, head.size() - 2);
  EXPECT_EQ(decode_hex(body + "01"
                              "00"
                              "03"
                              "026300",
                       12, request),
            WireError::trailing_bytes);
  EXPECT_EQ(decode_hex(body + "01"
                              "00"
                              "01"
                              "0263",
                       12, request),
            WireError::truncated);
}

// Bytes by hand, after KIP-482. Kafka's broker skips tags that it does not know.
TEST(Codec, WritesOurOwnTagsBehindAnAcknowledgement) {
  ShareAcknowledgeRequest::AcknowledgementBatch batch;
  batch.first_offset = 5;
  batch.last_offset = 6;
  batch.acknowledge_types = {2};
  ShareAcknowledgeRequest request;
  request.topics.push_back({{}, {{0, {batch}}}});
  const std::string plain = encoded(request, 2);
  const std::string offsets = "00000000000000050000000000000006";
  EXPECT_TRUE(plain.ends_with(offsets + "0202" +
                              "00"
                              "00"
                              "00"
                              "00"))
      << plain;

  batch = {5, 6, {2}, 1000, "db"};
  request.topics = {{{}, {{0, {batch}}}}};
  const std::string tagged = encoded(request, 2);
  EXPECT_TRUE(tagged.ends_with(offsets + "0202" +
                               "02"  // two tags
                               "904e"
                               "08"
                               "00000000000003e8"  // 10000: DelayMs
                               "914e"
                               "03"
                               "036462"  // 10001: Reason
                               "00"
                               "00"
                               "00"))
      << tagged;
  ShareAcknowledgeRequest read;
  const auto bytes = unhex(tagged);
  ASSERT_EQ(decode(bytes, 2, read), WireError::none);
  EXPECT_TRUE(same(read, request));
}

TEST(Codec, WritesATagOnlyWhenItHoldsSomethingElseThanItsDefault) {
  FetchRequest request;
  const std::string plain = encoded(request, 18);
  request.replica_state.replica_id = 3;
  const std::string tagged = encoded(request, 18);
  EXPECT_TRUE(plain.ends_with("00"));
  EXPECT_TRUE(
      tagged.ends_with("01"
                       "01"
                       "0d"
                       "00000003"
                       "ffffffffffffffff"
                       "00"))
      << tagged;
}

TEST(Codec, RefusesVarintsLongerThanNeeded) {
  const auto read = [](std::string_view text) {
    const auto bytes = unhex(text);
    Reader reader{bytes};
    const std::uint32_t value = reader.uvarint();
    return reader.failed() ? std::string{"refused"} : std::to_string(value);
  };
  EXPECT_EQ(read("00"), "0");
  EXPECT_EQ(read("8001"), "128");
  EXPECT_EQ(read("ffffffff0f"), "4294967295");
  EXPECT_EQ(read("8000"), "refused");
  EXPECT_EQ(read("ff8000"), "refused");
  EXPECT_EQ(read("ffffffff1f"), "refused");
  EXPECT_EQ(read("ffffffffff01"), "refused");
  EXPECT_EQ(read("80"), "refused");
}

TEST(Codec, CountsTheOctetsOfAVarint) {
  for (const auto& [value, size] : {std::pair{0u, 1u},
                                    {127u, 1u},
                                    {128u, 2u},
                                    {16383u, 2u},
                                    {16384u, 3u},
                                    {0xfffffffu, 4u},
                                    {0x10000000u, 5u},
                                    {0xffffffffu, 5u}})
    EXPECT_EQ(uvarint_size(value), size) << value;
}

TEST(Codec, RefusesAnArrayThatTheFrameCannotHold) {
  // A partition of FetchRequest v4 takes 16 bytes or more: 2 of them do not fit 31 bytes.
  FetchRequest request;
  request.topics = {{.topic = "t", .partitions = {{}, {}}}};
  const auto bytes = unhex(encoded(request, 4));
  FetchRequest read;
  EXPECT_EQ(decode(bytes, 4, read), WireError::none);
  EXPECT_EQ(decode(Bytes{bytes}.first(bytes.size() - 1), 4, read), WireError::truncated);
  DeleteGroupsRequest groups;
  EXPECT_EQ(decode_hex("7fffffff"
                       "0000",
                       0, groups),
            WireError::truncated);
  EXPECT_EQ(decode_hex("fffffffe"
                       "0000",
                       0, groups),
            WireError::bad_length);
}

TEST(Codec, BoundsTheMemoryOfArraysByTheFrame) {
  // Topics of one byte a field would take 14 times the frame's size and more: the limit is 16 and a
  // fixed allowance; empty partition arrays of FetchRequest v12 (3 bytes, 64 in memory) exceed it.
  const auto frame_of = [](std::uint32_t topics) {
    FetchRequest request;
    std::vector<std::byte> bytes;
    EXPECT_EQ(encode(request, 12, bytes), WireError::none);
    const auto at = bytes.end() - 4;  // topics, forgotten topics, rack, tags
    std::vector<std::byte> frame(bytes.begin(), at);
    std::uint8_t count[5];
    std::size_t n = 0;
    std::uint32_t v = topics + 1;
    for (; v >= 0x80; v >>= 7) count[n++] = static_cast<std::uint8_t>(v | 0x80);
    count[n++] = static_cast<std::uint8_t>(v);
    for (std::size_t i = 0; i < n; ++i) frame.push_back(std::byte{count[i]});
    for (std::uint32_t i = 0; i < topics; ++i)
      for (const int octet : {1, 1, 0}) frame.push_back(static_cast<std::byte>(octet));
    frame.insert(frame.end(), at + 1, bytes.end());
    return frame;
  };
  FetchRequest read;
  EXPECT_EQ(decode(frame_of(100), 12, read), WireError::none);
  EXPECT_EQ(read.topics.size(), 100u);
  EXPECT_EQ(decode(frame_of(100'000), 12, read), WireError::too_large);
}

TEST(Codec, ReadsAndWritesANullableStruct) {
  DescribeTopicPartitionsRequest request;
  EXPECT_EQ(encoded(request, 0),
            "01"
            "000007d0"
            "ff"
            "00");
  request.cursor = DescribeTopicPartitionsRequest::Cursor{.topic_name = "t", .partition_index = 2};
  const std::string set = encoded(request, 0);
  EXPECT_EQ(set,
            "01"
            "000007d0"
            "01"
            "0274"
            "00000002"
            "00"
            "00");
  DescribeTopicPartitionsRequest read;
  ASSERT_EQ(decode_hex(set, 0, read), WireError::none);
  ASSERT_TRUE(read.cursor);
  EXPECT_EQ(read.cursor->partition_index, 2);
}

TEST(Codec, DecodedRecordsBorrowFromTheFrame) {
  const std::string records = "records";
  ProduceRequest request;
  request.topic_data = {{.name = "t", .partition_data = {{.records = as_bytes(records)}, {}}}};
  std::vector<std::byte> frame;
  ASSERT_EQ(encode(request, 3, frame), WireError::none);
  ProduceRequest read;
  ASSERT_EQ(decode(frame, 3, read), WireError::none);
  const auto& partitions = read.topic_data[0].partition_data;
  ASSERT_TRUE(partitions[0].records);
  EXPECT_EQ(as_text(partitions[0].records->bytes), records);
  EXPECT_GE(partitions[0].records->bytes.data(), frame.data());
  EXPECT_LT(partitions[0].records->bytes.data(), frame.data() + frame.size());
  EXPECT_FALSE(partitions[1].records);
}

// A Fetch response with two partitions, the first with slices of the sizes given.
FetchResponse a_fetch(const std::vector<std::size_t>& sizes) {
  std::vector<RecordsSlice> slices;
  for (const std::size_t size : sizes) {
    auto owner = std::make_shared<std::string>(size, static_cast<char>('a' + slices.size()));
    slices.push_back({as_bytes(*owner), owner});
  }
  FetchResponse response;
  response.responses = {{.topic = "t"}};
  response.responses[0].partitions.resize(2);
  response.responses[0].partitions[0].records = Records{std::move(slices)};
  return response;
}

TEST(Codec, SplicesLargeSlicesAndCopiesSmallOnes) {
  for (const Version version : {Version{4}, Version{12}}) {
    FetchResponse response = a_fetch({splice_bytes_min, 10, 4 * splice_bytes_min});
    std::vector<std::byte> copied;
    ASSERT_EQ(encode(response, version, copied), WireError::none);
    GatherBuffer gathered;
    ASSERT_EQ(encode(response, version, gathered), WireError::none);
    EXPECT_EQ(gathered.size(), copied.size());
    EXPECT_LT(gathered.owned().size(), splice_bytes_min);
    std::vector<std::byte> joined;
    std::size_t pieces = 0;
    const auto& slices = response.responses[0].partitions[0].records->slices;
    std::size_t borrowed = 0;
    gathered.for_each_piece([&](Bytes piece) {
      ++pieces;
      for (const auto& slice : slices) borrowed += piece.data() == slice.bytes.data();
      joined.insert(joined.end(), piece.begin(), piece.end());
    });
    EXPECT_EQ(pieces, 5u);
    EXPECT_LE(pieces, gathered.piece_count());
    EXPECT_EQ(borrowed, 2u);
    EXPECT_EQ(joined, copied);
    FetchResponse read;
    ASSERT_EQ(decode(joined, version, read), WireError::none);
    EXPECT_TRUE(same(read, response));
  }
}

TEST(Codec, ASplicedFrameKeepsItsSlicesAliveUntilCleared) {
  GatherBuffer gathered;
  std::weak_ptr<const void> owner;
  {
    const FetchResponse response = a_fetch({splice_bytes_min});
    owner = response.responses[0].partitions[0].records->slices[0].owner;
    ASSERT_EQ(encode(response, 4, gathered), WireError::none);
  }
  EXPECT_FALSE(owner.expired());
  gathered.clear();
  EXPECT_TRUE(owner.expired());
  EXPECT_TRUE(gathered.empty());
}

TEST(Codec, FramesFollowEachOtherInOneGatherBuffer) {
  const FetchResponse response = a_fetch({splice_bytes_min});
  GatherBuffer gathered;
  ASSERT_EQ(encode(response, 4, gathered), WireError::none);
  const std::size_t one = gathered.size();
  ASSERT_EQ(encode(response, 4, gathered), WireError::none);
  EXPECT_EQ(gathered.size(), 2 * one);
  std::vector<std::byte> joined;
  gathered.for_each_piece(
      [&](Bytes piece) { joined.insert(joined.end(), piece.begin(), piece.end()); });
  FetchResponse read;
  EXPECT_EQ(decode(Bytes{joined}.first(one), 4, read), WireError::none);
  EXPECT_EQ(decode(Bytes{joined}.subspan(one), 4, read), WireError::none);
}

TEST(Codec, RefusesAStringThatItsLengthCannotExpress) {
  const std::string text(40'000, 'x');
  HeartbeatRequest request = a_heartbeat();
  request.group_id = text;
  std::vector<std::byte> out;
  EXPECT_EQ(encode(request, 3, out), WireError::too_large);
  EXPECT_EQ(encode(request, 4, out), WireError::none);
}

TEST(WireError, HasAMessage) {
  EXPECT_EQ(make_error_code(WireError::truncated).message(), "the frame ends inside a field");
  EXPECT_STREQ(wire_category().name(), "wire");
}

TEST(Uuid, PrintsAsKafkaDoes) {
  Uuid id;
  EXPECT_TRUE(id.is_zero());
  EXPECT_EQ(id.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
  for (std::size_t i = 0; i < 16; ++i) id.octets[i] = static_cast<std::byte>(0xf0 + i);
  EXPECT_EQ(id.to_string(), "8PHy8_T19vf4-fr7_P3-_w");
}

}  // namespace
}  // namespace sluice::protocol
