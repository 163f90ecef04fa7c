// The commands: each takes its parsed options and returns the exit status.
#pragma once

#include "sluice/types.hpp"
#include "tools/sluice/cli.hpp"
#include "tools/sluice/confirm.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

struct TopicsListOptions {
  bool internal = false;
};
Exit topics_list(const Global& global, const TopicsListOptions& options);

struct TopicsCreateOptions {
  std::vector<std::string> names;
  std::int32_t partitions = -1;
  int replication = -1;
  std::vector<std::string> configs;  // NAME=VALUE
  bool if_not_exists = false;
  bool dry_run = false;
};
Exit topics_create(const Global& global, const TopicsCreateOptions& options);

struct TopicsDescribeOptions {
  std::vector<std::string> names;
};
Exit topics_describe(const Global& global, const TopicsDescribeOptions& options);

struct TopicsDeleteOptions {
  std::vector<std::string> names;
  Confirmation confirmation;
  bool if_exists = false;
};
Exit topics_delete(const Global& global, const TopicsDeleteOptions& options);

struct TopicsTruncateOptions {
  std::string topic;
  std::vector<std::int32_t> partitions;  // none: all
  std::string before;                    // OFFSET, "end", @TIME
  bool dry_run = false;
  Confirmation confirmation;
};
Exit topics_truncate(const Global& global, const TopicsTruncateOptions& options);

struct TopicsAlterOptions {
  std::string name;
  std::int32_t partitions = -1;
  std::vector<std::string> configs;  // NAME=VALUE
  std::vector<std::string> unset;
  bool dry_run = false;
};
Exit topics_alter(const Global& global, const TopicsAlterOptions& options);

Exit groups_list(const Global& global);
struct GroupsDescribeOptions {
  std::vector<std::string> ids;  // none: all
  double watch = 0;              // seconds between looks; 0: one look
  double trend = 0;              // seconds between two looks; 0: no trend
};
Exit groups_describe(const Global& global, const GroupsDescribeOptions& options);
struct GroupsDeleteOptions {
  std::vector<std::string> ids;
  Confirmation confirmation;
};
Exit groups_delete(const Global& global, const GroupsDeleteOptions& options);

struct ConfigsGetOptions {
  std::string kind;  // topic, broker or group
  std::string name;
  std::vector<std::string> keys;  // none: those that are set, or all
  bool all = false;               // defaults as well
};
Exit configs_get(const Global& global, const ConfigsGetOptions& options);

struct ConfigsChangeOptions {
  std::string kind;
  std::string name;
  std::vector<std::string> changes;  // NAME=VALUE to set, NAME to unset
  bool dry_run = false;
};
Exit configs_set(const Global& global, const ConfigsChangeOptions& options);
Exit configs_unset(const Global& global, const ConfigsChangeOptions& options);

Exit cluster(const Global& global);

struct DemoOptions {
  std::string file;
  std::string topic = "github-events";
  std::string group = "demo";
  std::int32_t partitions = 6;
  std::string codec = "none";
};
Exit demo(const Global& global, const DemoOptions& options);

// Splits "NAME=VALUE". Nothing without an equals sign.
std::optional<std::pair<std::string, std::string>> name_and_value(const std::string& text);

}  // namespace sluice::cli
