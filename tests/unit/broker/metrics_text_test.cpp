#include "broker/metrics/metrics_text.hpp"

#include "broker/http/pages.hpp"
#include "broker/metrics/json_text.hpp"
#include "broker/metrics/response_errors.hpp"
#include "broker/metrics/slow_requests.hpp"
#include "protocol/messages/all.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace sluice::broker {
namespace {

using protocol::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(MetricsText, WritesHelpTypeAndEscapedLabels) {
  MetricsText text;
  text.family("kafka_consumergroup_members");
  text.sample({"a\"b\\c\nd"}, 3);
  EXPECT_EQ(text.take(),
            "# HELP kafka_consumergroup_members Members of the group.\n"
            "# TYPE kafka_consumergroup_members gauge\n"
            "kafka_consumergroup_members{consumergroup=\"a\\\"b\\\\c\\nd\"} 3\n");
}

TEST(MetricsText, HistogramsAreCumulativeAndEndWithInf) {
  Histogram values;
  for (const std::uint64_t us : {10, 70, 200, 100'000'000}) values.add(us);
  MetricsText text;
  text.family("sluice_commit_duration_seconds");
  text.histogram({}, values, 6, 8, 1e-6);
  const std::string got = text.take();
  EXPECT_THAT(got, HasSubstr("_bucket{le=\"6.4e-05\"} 1\n"));
  EXPECT_THAT(got, HasSubstr("_bucket{le=\"0.000128\"} 2\n"));
  EXPECT_THAT(got, HasSubstr("_bucket{le=\"0.000256\"} 3\n"));
  EXPECT_THAT(got, HasSubstr("_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(got, HasSubstr("_count 4\n"));
}

TEST(MetricFamilies, NamesFollowTheConventions) {
  std::set<std::string_view> names;
  for (const MetricFamily& family : metric_families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_FALSE(family.help.empty()) << family.name;
    EXPECT_EQ(family.name.ends_with("_total"), family.type == MetricType::counter) << family.name;
    if (family.type == MetricType::histogram)
      EXPECT_TRUE(family.name.ends_with("_seconds") || family.name.ends_with("_bytes"))
          << family.name;
  }
}

// docs/monitoring.md has one row for each family, with its labels and its help, and no others.
TEST(MetricFamilies, AreDocumented) {
  std::ifstream file(SLUICE_DOCS_DIR "/monitoring.md");
  ASSERT_TRUE(file) << SLUICE_DOCS_DIR;
  std::set<std::string> rows;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("| `kafka_") || line.starts_with("| `sluice_") ||
        line.starts_with("| `process_"))
      rows.insert(line);
  std::set<std::string> wanted;
  for (const MetricFamily& family : metric_families()) {
    std::ostringstream row;
    row << "| `" << family.name << "` | " << to_string(family.type) << " | "
        << (family.labels.empty() ? "" : "`" + std::string(family.labels) + "`") << " | "
        << family.help << " |";
    wanted.insert(row.str());
  }
  EXPECT_EQ(rows, wanted);
}

TEST(JsonText, EscapesAndPutsCommas) {
  JsonText json;
  json.open('{').key("a\"").value(std::string_view("x\n\\"));
  json.key("n").open('[');
  json.value(1);
  json.value(2.5, 1);
  json.null();
  json.value(true);
  json.open('{').close('}').close(']').close('}');
  EXPECT_EQ(json.take(), R"({"a\"":"x\u000a\\","n":[1,2.5,null,true,{}]})");
}

TEST(HostAllowed, TakesAddressesLocalhostAndConfiguredNames) {
  const std::vector<std::string> names{"broker.internal"};
  for (const auto* host : {"", "127.0.0.1", "127.0.0.1:9090", "[::1]:9090", "[::1]", "10.1.2.3:80",
                           "localhost", "LOCALHOST:9090", "broker.internal:9090"})
    EXPECT_TRUE(host_allowed(host, names)) << host;
  for (const auto* host : {"evil.example", "evil.example:9090", "127.0.0.1.evil.example",
                           "localhost.evil.example:9090", "[evil.example]", "broker.internal.x"})
    EXPECT_FALSE(host_allowed(host, names)) << host;
}

TEST(ResponseErrors, AreFoundAtEveryDepth) {
  protocol::ProduceResponse response;
  auto& topic = response.responses.emplace_back();
  topic.partition_responses.emplace_back();
  topic.partition_responses.emplace_back().error_code = ErrorCode::kafka_storage_error;
  topic.partition_responses.emplace_back().error_code = ErrorCode::invalid_record;
  std::vector<ErrorCode> found;
  for_each_error(response, [&](ErrorCode code) { found.push_back(code); });
  EXPECT_THAT(found, ElementsAre(ErrorCode::kafka_storage_error, ErrorCode::invalid_record));
  static_assert(may_hold_error<protocol::FetchResponse>());
  static_assert(!may_hold_error<protocol::ProduceRequest>());
}

TEST(SlowRequests, WaitingByDesignIsNotSlow) {
  const TimePoint start{std::chrono::hours(1)};
  SentRequest request{protocol::find_api(protocol::ApiKey::fetch), "/127.0.0.1", {}, {}};
  request.times.received = start;
  request.times.parked = std::chrono::seconds(5);
  request.sent = start + std::chrono::seconds(6);
  EXPECT_EQ(time_taken(request), std::chrono::seconds(1));
  request.api = protocol::find_api(protocol::ApiKey::join_group);
  EXPECT_FALSE(time_taken(request));
}

struct LinesLogger final : Logger {
  bool enabled(LogLevel) const override { return true; }
  void write(LogLevel, std::string_view message, Fields fields) override {
    std::string line(message);
    for (const LogField& field : fields) line += " " + std::string(field.name) + "=" + field.value;
    lines.push_back(line);
  }
  std::vector<std::string> lines;
};

TEST(SlowRequests, SayWhereTheTimeWent) {
  const auto at = [](int ms) {
    return TimePoint{std::chrono::hours(1)} + std::chrono::milliseconds(ms);
  };
  SentRequest request{protocol::find_api(protocol::ApiKey::produce), "/127.0.0.1", {}, at(1400)};
  request.times = {.received = at(0),
                   .began = at(1),
                   .decoded = at(3),
                   .accepted = at(10),
                   .durable = at(1210),
                   .ready = at(1211)};
  LinesLogger logger;
  log_slow_request(logger, request);
  ASSERT_EQ(logger.lines.size(), 1u);
  EXPECT_THAT(logger.lines.front(),
              HasSubstr("total_ms=1400.0 turn_ms=1.0 decode_ms=2.0 append_ms=7.0 "
                        "durable_ms=1200.0 reply_ms=1.0 send_ms=189.0"));
}

}  // namespace
}  // namespace sluice::broker
