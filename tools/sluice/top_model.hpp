// What `sluice top` shows, as values: samples of a cluster, the rates between two of them, and the
// lines of the screen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

// One partition of a topic, or of a group's topic.
struct TopPartition {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::int64_t bytes = 0;
  std::optional<std::int64_t> committed;  // of a group
};

struct TopTopic {
  std::string name;
  std::vector<TopPartition> partitions;

  std::int64_t end() const;    // records ever written, summed
  std::int64_t bytes() const;  // on disk
};

struct TopGroup {
  std::string name;
  std::string state;
  std::int64_t members = 0;
  std::int64_t lag = 0;
  std::optional<double> lag_seconds;
  std::vector<TopPartition> partitions;

  std::int64_t committed() const;  // summed
};

// The cluster at one moment.
struct TopSample {
  double seconds = 0;  // on a clock that only goes forward
  std::string cluster;
  std::size_t brokers = 0;
  std::optional<double> latency_ms;  // of a request
  std::optional<std::int64_t> disk_free, disk_total;
  std::optional<std::int64_t> in_flight;    // records that share groups have given out
  std::optional<std::int64_t> connections;  // only a sluiced's HTTP port tells
  std::vector<TopTopic> topics;
  std::vector<TopGroup> groups;
};

// Per second between two samples; 0 for what the earlier one does not know.
struct TopRates {
  double records = 0;
  double bytes = 0;
};
TopRates rates_of(const TopTopic& now, const TopSample& before, double seconds);
double consumed_per_second(const TopGroup& now, const TopSample& before, double seconds);

struct TopView {
  enum class Page : std::uint8_t { topics, groups, topic, group };
  Page page = Page::topics;
  std::string of;        // the topic or group that is drilled into
  std::size_t sort = 1;  // column of the page; by default the first number
  bool ascending = false;
  std::size_t selected = 0;  // row
};

struct TopScreen {
  std::vector<std::string> lines;  // no wider and no more than asked for
  std::optional<std::size_t> selected_line;
  std::optional<std::size_t> title_line;
  std::vector<std::string> rows;  // names of the rows, in order, for drilling down
};
TopScreen draw(const TopView& view, const TopSample& before, const TopSample& now,
               std::size_t width, std::size_t height);

// What a key does. Returns false when the program is to end.
bool press(int key, TopView& view, const TopScreen& screen);
// Keys that are no characters.
enum TopKey : int { key_up = 1001, key_down, key_left, key_right, key_enter, key_back };

std::string top_json(const TopSample& before, const TopSample& now);

}  // namespace sluice::cli
