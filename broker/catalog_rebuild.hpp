// Rebuilds a lost catalog from the partition.metadata file in each partition's directory.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "broker/catalog.hpp"

#include <optional>
#include <string_view>

namespace sluice::storage {
class FileSystem;
}

namespace sluice::broker {

// Kafka's text: "version: 0\ntopic_id: <22 characters>\n". Nullopt when it is anything else.
std::optional<Uuid> parse_partition_metadata(std::string_view text);

// "orders-eu-12" → {"orders-eu", 12}; nullopt for any other name, "…-delete" among them.
struct PartitionDirectory {
  std::string_view topic;
  std::int32_t partition = 0;
};
std::optional<PartitionDirectory> parse_partition_directory(std::string_view name);

// A catalog with every topic that has a readable partition.metadata: names, ids, partition counts.
// Empty when there is none. Producer ids restart above any that may have been given out.
Task<Result<Catalog>> rebuild_catalog(storage::FileSystem& files, Clock& clock, Logger& logger);

}  // namespace sluice::broker
