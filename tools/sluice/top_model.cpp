#include "tools/sluice/top_model.hpp"

#include "tools/sluice/json.hpp"
#include "tools/sluice/table.hpp"
#include "tools/sluice/text.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <numeric>

namespace sluice::cli {
namespace {

using Page = TopView::Page;

template <class Row>
const Row* find(const std::vector<Row>& rows, const std::string& name) {
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

double per_second(std::int64_t now, std::int64_t before, double seconds) {
  return seconds > 0 ? static_cast<double>(std::max<std::int64_t>(0, now - before)) / seconds : 0;
}

// Rounded; a broker that says what cannot be shows as 0 or as the most that there is.
std::uint64_t count_of(double number) {
  const auto count = whole_units(number + 0.5, std::numeric_limits<std::int64_t>::max());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, count));
}
std::string commas(double number) { return with_commas(count_of(number)); }
std::string size_text(double bytes) { return human_bytes(count_of(bytes)); }

std::string one_digit(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%.1f", number);
  return text;
}

// A row of a page: its name, and its cells as text and as what they are sorted by.
struct Row {
  std::string name;
  std::vector<std::string> cells;
  std::vector<double> numbers;
};

struct PageRows {
  std::vector<Column> columns;
  std::vector<Row> rows;
};

Column number_column(const char* title) { return {title, Align::right}; }

PageRows topic_rows(const TopSample& before, const TopSample& now) {
  PageRows page{{{"TOPIC"},
                 number_column("RECORDS/S"),
                 number_column("BYTES/S"),
                 number_column("RECORDS"),
                 number_column("SIZE"),
                 number_column("PARTITIONS")},
                {}};
  const double seconds = now.seconds - before.seconds;
  for (const auto& topic : now.topics) {
    const auto rates = rates_of(topic, before, seconds);
    std::int64_t records = 0;
    for (const auto& partition : topic.partitions) records += partition.end - partition.start;
    const auto held = static_cast<double>(records);
    const auto bytes = static_cast<double>(topic.bytes());
    const auto partitions = static_cast<double>(topic.partitions.size());
    page.rows.push_back({topic.name,
                         {topic.name, commas(rates.records), size_text(rates.bytes), commas(held),
                          size_text(bytes), commas(partitions)},
                         {0, rates.records, rates.bytes, held, bytes, partitions}});
  }
  return page;
}

PageRows group_rows(const TopSample& before, const TopSample& now) {
  PageRows page{{{"GROUP"},
                 number_column("LAG"),
                 number_column("SECONDS"),
                 number_column("CONSUMED/S"),
                 number_column("MEMBERS"),
                 {"STATE"}},
                {}};
  for (const auto& group : now.groups) {
    const double rate = consumed_per_second(group, before, now.seconds - before.seconds);
    const auto lag = static_cast<double>(group.lag);
    const auto members = static_cast<double>(group.members);
    page.rows.push_back(
        {group.name,
         {group.name, commas(lag), group.lag_seconds ? one_digit(*group.lag_seconds) : "-",
          commas(rate), commas(members), group.state},
         {0, lag, group.lag_seconds.value_or(-1), rate, members, 0}});
  }
  return page;
}

const TopPartition* same(const std::vector<TopPartition>& rows, const TopPartition& wanted) {
  for (const auto& row : rows)
    if (row.partition == wanted.partition && row.topic == wanted.topic) return &row;
  return nullptr;
}

PageRows partition_rows(const TopTopic* now, const TopTopic* before, double seconds) {
  PageRows page{{{"PARTITION"},
                 number_column("RECORDS/S"),
                 number_column("START"),
                 number_column("END"),
                 number_column("SIZE")},
                {}};
  if (now == nullptr) return page;
  for (const auto& row : now->partitions) {
    const auto* earlier = before != nullptr ? same(before->partitions, row) : nullptr;
    const double rate = earlier != nullptr ? per_second(row.end, earlier->end, seconds) : 0;
    const auto start = static_cast<double>(row.start), end = static_cast<double>(row.end);
    const auto bytes = static_cast<double>(row.bytes);
    page.rows.push_back({std::to_string(row.partition),
                         {std::to_string(row.partition), commas(rate), commas(start), commas(end),
                          size_text(bytes)},
                         {static_cast<double>(row.partition), rate, start, end, bytes}});
  }
  return page;
}

PageRows assignment_rows(const TopGroup* now) {
  PageRows page{
      {{"PARTITION"}, number_column("LAG"), number_column("COMMITTED"), number_column("END")}, {}};
  if (now == nullptr) return page;
  for (const auto& row : now->partitions) {
    const auto committed = static_cast<double>(row.committed.value_or(0));
    const auto end = static_cast<double>(row.end);
    const double lag = row.committed ? std::max(0.0, end - committed) : 0;
    const std::string name = row.topic + "-" + std::to_string(row.partition);
    page.rows.push_back({name,
                         {name, commas(lag), row.committed ? commas(committed) : "-", commas(end)},
                         {static_cast<double>(row.partition), lag, committed, end}});
  }
  return page;
}

PageRows rows_of(const TopView& view, const TopSample& before, const TopSample& now) {
  switch (view.page) {
    case Page::topics:
      return topic_rows(before, now);
    case Page::groups:
      return group_rows(before, now);
    case Page::topic:
      return partition_rows(find(now.topics, view.of), find(before.topics, view.of),
                            now.seconds - before.seconds);
    case Page::group:
      break;
  }
  return assignment_rows(find(now.groups, view.of));
}

std::string headline(const TopView& view, const TopSample& before, const TopSample& now) {
  TopRates all;
  for (const auto& topic : now.topics) {
    const auto rates = rates_of(topic, before, now.seconds - before.seconds);
    all.records += rates.records;
    all.bytes += rates.bytes;
  }
  std::string text = "cluster " + now.cluster + "  brokers " + std::to_string(now.brokers) +
                     "  in " + commas(all.records) + " records/s " + size_text(all.bytes) + "/s";
  if (now.latency_ms) text += "  latency " + one_digit(*now.latency_ms) + " ms";
  if (now.disk_free && now.disk_total)
    text += "  disk " + size_text(static_cast<double>(*now.disk_free)) + " free of " +
            size_text(static_cast<double>(*now.disk_total));
  if (now.in_flight) text += "  in flight " + commas(static_cast<double>(*now.in_flight));
  if (now.connections) text += "  connections " + std::to_string(*now.connections);
  if (!view.of.empty()) text += "  > " + view.of;
  return text;
}

std::string cut(const std::string& line, std::size_t width) {
  std::size_t shown = 0, end = 0;
  while (end < line.size()) {
    const bool begins = (static_cast<unsigned char>(line[end]) & 0xc0) != 0x80;
    if (begins && shown++ == width) break;
    ++end;
  }
  return line.substr(0, end);
}

void sort_rows(PageRows& page, const TopView& view) {
  const auto column = std::min(view.sort, page.columns.size() - 1);
  std::sort(page.rows.begin(), page.rows.end(), [&](const Row& a, const Row& b) {
    const Row& first = view.ascending ? a : b;
    const Row& second = view.ascending ? b : a;
    if (first.numbers[column] != second.numbers[column])
      return first.numbers[column] < second.numbers[column];
    // Names go up where numbers go down.
    return column == 0 ? first.cells[0] < second.cells[0] : a.cells[0] < b.cells[0];
  });
}

}  // namespace

std::int64_t TopTopic::end() const {
  return std::accumulate(partitions.begin(), partitions.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& row) { return sum + row.end; });
}

std::int64_t TopTopic::bytes() const {
  return std::accumulate(partitions.begin(), partitions.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& row) { return sum + row.bytes; });
}

std::int64_t TopGroup::committed() const {
  return std::accumulate(
      partitions.begin(), partitions.end(), std::int64_t{0},
      [](std::int64_t sum, const auto& row) { return sum + row.committed.value_or(0); });
}

TopRates rates_of(const TopTopic& now, const TopSample& before, double seconds) {
  const auto* earlier = find(before.topics, now.name);
  if (earlier == nullptr) return {};
  return {per_second(now.end(), earlier->end(), seconds),
          per_second(now.bytes(), earlier->bytes(), seconds)};
}

double consumed_per_second(const TopGroup& now, const TopSample& before, double seconds) {
  const auto* earlier = find(before.groups, now.name);
  return earlier == nullptr ? 0 : per_second(now.committed(), earlier->committed(), seconds);
}

TopScreen draw(const TopView& view, const TopSample& before, const TopSample& now,
               std::size_t width, std::size_t height) {
  auto page = rows_of(view, before, now);
  sort_rows(page, view);
  const auto sorted = std::min(view.sort, page.columns.size() - 1);
  page.columns[sorted].title += view.ascending ? "^" : "v";
  Table table(page.columns);
  for (const auto& row : page.rows) table.add(row.cells);
  TopScreen screen;
  screen.lines = {headline(view, before, now),
                  "t topics  g groups  Enter in  Backspace out  < > sort  r reverse  q quit", ""};
  screen.title_line = screen.lines.size();
  const std::size_t above = screen.lines.size() + 1;
  const std::size_t room = height > above ? height - above : 0;
  const auto chosen = page.rows.empty() ? 0 : std::min(view.selected, page.rows.size() - 1);
  const auto first = chosen >= room && room > 0 ? chosen - room + 1 : 0;  // scrolls with it
  const std::string text = table.to_string();
  std::size_t line = 0;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const auto end = text.find('\n', at);
    if (line == 0 || (line > first && line - first <= room))
      screen.lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (!page.rows.empty() && room > 0) screen.selected_line = above + chosen - first;
  for (auto& shown : screen.lines) shown = cut(shown, width);
  if (screen.lines.size() > height) screen.lines.resize(height);
  for (const auto& row : page.rows) screen.rows.push_back(row.name);
  return screen;
}

bool press(int key, TopView& view, const TopScreen& screen) {
  const auto last = screen.rows.empty() ? 0 : screen.rows.size() - 1;
  view.selected = std::min(view.selected, last);
  const bool whole = view.page == Page::topics || view.page == Page::groups;
  switch (key) {
    case 'q':
      return false;
    case 't':
      view = {};
      break;
    case 'g':
      view = {.page = Page::groups};
      break;
    case '\t':
      view = {.page = view.page == Page::topics ? Page::groups : Page::topics};
      break;
    case 'r':
      view.ascending = !view.ascending;
      break;
    case '<':
    case key_left:
      if (view.sort > 0) --view.sort;
      break;
    case '>':
    case key_right:
      view.sort = std::min<std::size_t>(view.sort + 1, view.page == Page::group ? 3 : 5);
      break;
    case key_up:
      if (view.selected > 0) --view.selected;
      break;
    case key_down:
      view.selected = std::min(view.selected + 1, last);
      break;
    case key_enter:
      if (whole && !screen.rows.empty())
        view = {.page = view.page == Page::topics ? Page::topic : Page::group,
                .of = screen.rows[view.selected]};
      break;
    case key_back:
      if (!whole) view = {.page = view.page == Page::topic ? Page::topics : Page::groups};
      break;
    default:
      break;
  }
  return true;
}

std::string top_json(const TopSample& before, const TopSample& now) {
  const double seconds = now.seconds - before.seconds;
  std::string text;
  JsonWriter json(text);
  json.begin_object().field("cluster", now.cluster).field("brokers", now.brokers);
  json.field("latency_ms", now.latency_ms).field("disk_free_bytes", now.disk_free);
  json.field("disk_total_bytes", now.disk_total).field("in_flight", now.in_flight);
  json.field("connections", now.connections).key("topics").begin_array();
  for (const auto& topic : now.topics) {
    const auto rates = rates_of(topic, before, seconds);
    json.begin_object().field("topic", topic.name).field("partitions", topic.partitions.size());
    json.field("records_per_second", rates.records).field("bytes_per_second", rates.bytes);
    json.field("bytes", topic.bytes()).end_object();
  }
  json.end_array().key("groups").begin_array();
  for (const auto& group : now.groups) {
    json.begin_object().field("group", group.name).field("state", group.state);
    json.field("members", group.members).field("lag", group.lag);
    json.field("lag_seconds", group.lag_seconds);
    json.field("consumed_per_second", consumed_per_second(group, before, seconds)).end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

}  // namespace sluice::cli
