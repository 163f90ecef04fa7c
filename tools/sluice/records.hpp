// The commands that read and write records.
#pragma once

#include "tools/sluice/cli.hpp"
#include "tools/sluice/reading.hpp"
#include "tools/sluice/record_filter.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::cli {

struct ProduceOptions {
  std::string topic;
  std::optional<std::string> key;
  std::optional<std::string> key_separator;
  std::vector<std::string> headers;  // NAME=VALUE
  std::int32_t partition = -1;
  std::string codec = "none";
  std::string acks = "all";
  std::string file = "-";
  std::optional<std::int64_t> timestamp_ms;
  bool empty_is_null = false;
  std::optional<std::string> null_marker;  // a key or value that is this is null
  bool keep_partition = false;
  std::int64_t copies = 1;
  double linger_ms = 5;
};
Exit produce(const Global& global, const ProduceOptions& options);
void add_produce_options(CLI::App& command, ProduceOptions& options);

struct ConsumeOptions {
  ReadOptions read;
  std::int64_t count = -1;
  std::string group;
  std::string format = "%s\\n";
  std::string assignor = "range";
};
Exit consume(const Global& global, const ConsumeOptions& options);
void add_consume_options(CLI::App& command, ConsumeOptions& options);

struct SearchOptions {
  ReadOptions read;
  FilterOptions filter;
  std::int64_t limit = -1;
  std::string format = "%t/%p/%o %d %k %s\\n";
};
Exit search(const Global& global, const SearchOptions& options);
void add_search_options(CLI::App& command, SearchOptions& options);
// Times of the range hold for the records' stamps, too: those between need not be in order.
void limit_times(RecordFilter& filter, const Range& range);

struct TailOptions {
  ReadOptions read;
  FilterOptions filter;
  bool follow = false;
  std::int64_t count = 10;  // records of each topic to begin with
  std::string format = "%t/%p/%o %d %k %s\\n";
  std::optional<std::int64_t> rate;  // records a second at most
};
Exit tail(const Global& global, const TailOptions& options);
void add_tail_options(CLI::App& command, TailOptions& options);

// What a file holds: "jsonl" or "csv"; empty: as its name ends.
struct ExportOptions {
  ReadOptions read;
  std::string file = "-";
  std::string format;
  bool force = false;  // over a file that is there
};
Exit export_records(const Global& global, const ExportOptions& options);
void add_export_options(CLI::App& command, ExportOptions& options);

struct ImportOptions {
  std::string file;
  std::string format;
  std::string topic;    // empty: each record's own
  bool by_key = false;  // partitions by key, not those of the file
  std::string codec = "none";
};
Exit import_records(const Global& global, const ImportOptions& options);
void add_import_options(CLI::App& command, ImportOptions& options);

}  // namespace sluice::cli
