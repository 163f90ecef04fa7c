// The commands: each takes its parsed options and returns the exit status.
#pragma once

#include "sluice/types.hpp"
#include "tools/sluice/cli.hpp"

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
  bool yes = false;
  bool if_exists = false;
};
Exit topics_delete(const Global& global, const TopicsDeleteOptions& options);

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
  std::vector<std::string> ids;
};
Exit groups_describe(const Global& global, const GroupsDescribeOptions& options);
struct GroupsDeleteOptions {
  std::vector<std::string> ids;
  bool yes = false;
};
Exit groups_delete(const Global& global, const GroupsDeleteOptions& options);

struct ConfigsDescribeOptions {
  std::string kind;  // topic, broker or group
  std::string name;
  bool all = false;  // defaults as well
};
Exit configs_describe(const Global& global, const ConfigsDescribeOptions& options);

Exit cluster(const Global& global);

struct DemoOptions {
  std::string file;
  std::string topic = "github-events";
  std::string group = "demo";
  std::int32_t partitions = 6;
  std::string codec = "none";
};
Exit demo(const Global& global, const DemoOptions& options);

// Asks for `word` to be typed, before something that cannot be undone. Ok when it was, or `yes`.
Exit confirm(const std::string& what, const std::string& word, bool yes);
// Splits "NAME=VALUE". Nothing without an equals sign.
std::optional<std::pair<std::string, std::string>> name_and_value(const std::string& text);

}  // namespace sluice::cli
