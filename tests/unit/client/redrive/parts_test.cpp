// The parts of a redrive: filters, fields of JSON, the ledger, the progress record.
#include "client/redrive/json_field.hpp"
#include "client/redrive/ledger.hpp"
#include "client/redrive/progress.hpp"
#include "tests/unit/client/redrive/redrive_model.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sluice::client {
namespace {

TEST(JsonField, FindsWhatAPathNames) {
  const std::string text = R"({"a":{"b":[1,{"c":"x\n\u00e9\ud83d\ude00"},[true,null]]},)"
                           R"("a.b":2,"n":-1.5e3,"s":"}]","e":{}})";
  EXPECT_EQ(json_field(text, "a.b[0]"), "1");
  EXPECT_EQ(json_field(text, "$.a.b[1].c"), "x\n\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(json_field(text, "a.b[2][0]"), "true");
  EXPECT_EQ(json_field(text, "a.b[2][1]"), "null");
  EXPECT_EQ(json_field(text, "n"), "-1.5e3");
  EXPECT_EQ(json_field(text, "s"), "}]");
  EXPECT_EQ(json_field(text, "e"), "{}");
  EXPECT_EQ(json_field("[ [ 7 ] ]", "[0][0]"), "7");
  EXPECT_FALSE(json_field(text, "a.b[3]"));
  EXPECT_FALSE(json_field(text, "a.c"));
  EXPECT_FALSE(json_field(text, "n.x"));
}

TEST(JsonField, TextThatIsNoJsonHasNoFields) {
  for (const auto* text : {"", "{", "{\"a\"", "{\"a\":", "{\"a\":\"x", "{\"b\":[1,2", "hello",
                           "{\"b\":\"\\u12\",\"a\":1}", "{\"b\":]}"})
    EXPECT_FALSE(json_field(text, "a")) << text;
}

TEST(JsonField, KnowsPaths) {
  for (const auto* path : {"a", "a.b", "a[0]", "a[0][1].b", "$.a", "$[0]", "[3].a", "a b.c-d"})
    EXPECT_TRUE(is_json_path(path)) << path;
  for (const auto* path :
       {"", "$.", ".a", "a.", "a..b", "a[", "a[x]", "a[0]b", "a]", "[0].[1]", "a.[0]"})
    EXPECT_FALSE(is_json_path(path)) << path;
}

TEST(DeadLetterFilter, AllConditionsMustHold) {
  ModelLetters letters;
  letters.add({.offset = 0,
               .key = "k",
               .value = R"({"order":{"id":7}})",
               .headers = {{"region", "eu"},
                           {"region", "us"},
                           {"__dlq.errors.topic", "wrong"},
                           {"__dlq.errors.topic", "orders"},
                           {"__dlq.errors.group", "billing"},
                           {"__dlq.errors.reason", "rejected"},
                           {"__dlq.errors.message", "card declined"},
                           {"__dlq.errors.partition", "2"},
                           {"__dlq.errors.offset", "41"},
                           {"__dlq.errors.delivery.count", "5"},
                           {"__dlq.errors.first.failure.ms", "100"},
                           {"__dlq.errors.last.failure.ms", "200"}}});
  const auto& record = letters.views().front();
  const auto origin = dead_letter_origin(record);
  EXPECT_EQ(origin.topic, "orders");
  EXPECT_EQ(origin.partition, 2);
  EXPECT_EQ(origin.offset, 41);
  EXPECT_EQ(origin.attempts, 5);
  EXPECT_EQ(origin.message, "card declined");
  EXPECT_EQ(origin.first_failure_ms, 100);
  const DeadLetterFilter all{.sources = {"x", "orders"},
                             .groups = {"billing"},
                             .reasons = {"rejected"},
                             .since_ms = 200,
                             .until_ms = 201,
                             .key = "k",
                             .headers = {{"region", "us"}},
                             .fields = {{"order.id", "7"}}};
  EXPECT_TRUE(all.matches(record, origin));
  const auto without = [&](auto change) {
    auto filter = all;
    change(filter);
    return filter.matches(record, origin);
  };
  EXPECT_FALSE(without([](auto& f) { f.sources = {"x"}; }));
  EXPECT_FALSE(without([](auto& f) { f.groups = {"x"}; }));
  EXPECT_FALSE(without([](auto& f) { f.reasons = {"x"}; }));
  EXPECT_FALSE(without([](auto& f) { f.since_ms = 201; }));
  EXPECT_FALSE(without([](auto& f) { f.until_ms = 200; }));
  EXPECT_FALSE(without([](auto& f) { f.key = "x"; }));
  EXPECT_FALSE(without([](auto& f) { f.headers = {{"region", "eu"}}; }));
  EXPECT_FALSE(without([](auto& f) { f.fields = {{"order.id", "8"}}; }));
}

TEST(DeadLetterFilter, RefusesAPathThatIsNone) {
  EXPECT_TRUE((DeadLetterFilter{.fields = {{"a.b", "1"}}}.check()));
  EXPECT_FALSE((DeadLetterFilter{.fields = {{"a..b", "1"}}}.check()));
}

TEST(RedriveLedger, RemembersExactlyWhatWasMarkedThroughItsRecords) {
  SeededRandom random(11);
  const TopicId id{{std::byte{7}}};
  RedriveLedger ledger("t", id);
  RedriveLedger read("t", id);
  std::set<Offset> marked;
  for (int i = 0; i < 3000; ++i) {
    const auto offset = static_cast<Offset>(random.below(100'000));
    ledger.mark(1, offset);
    marked.insert(offset);
    if (i % 100 != 99) continue;
    for (const auto& entry : ledger.take_changes())
      read.take(entry.key, entry.value ? std::optional<Bytes>(*entry.value) : std::nullopt);
  }
  for (Offset offset = 0; offset < 100'000; ++offset)
    ASSERT_EQ(read.contains(1, offset), marked.contains(offset)) << offset;
  for (const Offset from : {0, 1, 7, 8, 9, 32'767, 32'768, 50'001, 99'999, 200'000})
    EXPECT_EQ(read.count(1, from),
              static_cast<std::uint64_t>(std::distance(marked.lower_bound(from), marked.end())));
  EXPECT_EQ(read.count(0, 0), 0u);
  read.forget_before(1, 70'000);
  EXPECT_EQ(read.take_changes().size(), 2u);
  EXPECT_EQ(read.count(1, 0), read.count(1, 65'536));
}

TEST(RedriveLedger, AnEarlierTopicOfTheNameCountsForNothingAndIsForgotten) {
  RedriveLedger before("t", {{std::byte{1}}});
  before.mark(0, 5);
  RedriveLedger after("t", {{std::byte{2}}});
  for (const auto& entry : before.take_changes()) after.take(entry.key, Bytes(*entry.value));
  EXPECT_FALSE(after.contains(0, 5));
  const auto changes = after.take_changes();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_FALSE(changes.front().value);
}

TEST(RedriveProgress, ReadsWhatItWrote) {
  RedriveProgress progress{.id = "0123456789ab",
                           .state = RedriveState::abandoned,
                           .selection = {.topic = "dlq.t",
                                         .offsets = {{3, {{1, 2}, {9, 9}}}},
                                         .filter = {.sources = {"a", "b"},
                                                    .groups = {"g"},
                                                    .reasons = {"rejected"},
                                                    .since_ms = 0,
                                                    .until_ms = 99,
                                                    .key = "",
                                                    .headers = {{"h", "v"}},
                                                    .fields = {{"a.b", "1"}}},
                                         .again = true},
                           .topic_id = {{std::byte{9}}},
                           .to = "elsewhere",
                           .max_redrives = 4,
                           .records_per_second = 5,
                           .started_ms = 6,
                           .producer_id = 7,
                           .producer_epoch = 8,
                           .save_epoch = 9,
                           .save_sequence = 10,
                           .places = {{0, {1, 2}}, {3, {4, 5}}},
                           .targets = {{"a", {3, 40, {{1, {7, 8}}}}}},
                           .window = {1, {{5, 6}, {8, 8}}},
                           .retries = {{2, {{1, 1}}}},
                           .window_records = 11,
                           .counts = {1, 2, 3, 4, 5, 6},
                           .uncertain = true};
  const auto bytes = encode_progress(progress);
  const auto read = decode_progress(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode_progress(*read), bytes);
  EXPECT_EQ(read->selection.offsets, progress.selection.offsets);
  EXPECT_EQ(read->selection.filter.key, "");
  EXPECT_EQ(read->window.offsets, progress.window.offsets);
  EXPECT_EQ(read->retries.size(), 1u);
  EXPECT_EQ(read->targets.at("a").lanes.at(1).from, 8);
  EXPECT_EQ(read->counts.failed, 6);
  progress.window = {};
  const auto without = decode_progress(encode_progress(progress));
  EXPECT_TRUE(without->window.empty());
  EXPECT_EQ(without->retries.size(), 1u);
}

TEST(RedriveProgress, RefusesWhatItDoesNotKnow) {
  auto bytes = encode_progress({.id = "x"});
  EXPECT_FALSE(decode_progress(Bytes(bytes).first(bytes.size() - 1)));
  EXPECT_FALSE(decode_progress({}));
  bytes[1] = std::byte{2};
  EXPECT_FALSE(decode_progress(bytes));
}

TEST(OffsetRanges, AreCutWhereTheyShouldBe) {
  for (std::int64_t count = 0; count <= 6; ++count) {
    std::vector<OffsetRange> ranges;
    for (const Offset offset : {1, 2, 3, 7, 9, 10}) append_offset(ranges, offset);
    ASSERT_EQ(ranges.size(), 3u);
    const auto rest = split_offsets(ranges, count);
    EXPECT_EQ(count_offsets(ranges), count);
    EXPECT_EQ(count_offsets(rest), 6 - count);
    if (!rest.empty() && !ranges.empty()) EXPECT_LT(ranges.back().last, rest.front().first);
  }
}

}  // namespace
}  // namespace sluice::client
