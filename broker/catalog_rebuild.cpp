#include "broker/catalog_rebuild.hpp"

#include "storage/file_system.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::broker {
namespace {

constexpr std::size_t metadata_size_max = 256;

Task<std::optional<Uuid>> topic_id_of(storage::FileSystem& files, std::string directory) {
  const storage::OpenOptions options{storage::OpenMode::read_only};
  auto file = co_await files.open(directory + "/partition.metadata", options);
  if (!file) co_return std::nullopt;
  std::array<std::byte, metadata_size_max> buffer;
  const MutableBytes into(buffer);
  auto read = co_await (*file)->read(into, 0);
  (void)co_await (*file)->close();
  if (!read) co_return std::nullopt;
  co_return parse_partition_metadata(as_text(Bytes(buffer).first(*read)));
}

}  // namespace

std::optional<Uuid> parse_partition_metadata(std::string_view text) {
  std::optional<Uuid> id;
  bool known_version = false;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (line == "version: 0") known_version = true;
    if (line.starts_with("topic_id: ")) id = parse_uuid(line.substr(10));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return known_version ? id : std::nullopt;
}

std::optional<PartitionDirectory> parse_partition_directory(std::string_view name) {
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos || dash + 1 == name.size()) return std::nullopt;
  PartitionDirectory directory{name.substr(0, dash)};
  const auto number = name.substr(dash + 1);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), directory.partition);
  const bool plain = number == "0" || (number[0] >= '1' && number[0] <= '9');
  if (error != std::errc{} || end != number.data() + number.size() || !plain) return std::nullopt;
  if (!topic_name_fault(directory.topic).empty()) return std::nullopt;
  return directory;
}

Task<Result<Catalog>> rebuild_catalog(storage::FileSystem& files, Clock& clock, Logger& logger) {
  auto entries = co_await files.list("");
  if (!entries) co_return std::unexpected(entries.error());
  std::map<std::string, Topic> topics;
  for (const auto& entry : *entries) {
    if (entry.kind != storage::EntryKind::directory) continue;
    const auto directory = parse_partition_directory(entry.name);
    if (!directory) continue;
    const auto id = co_await topic_id_of(files, entry.name);
    if (!id) {
      logger.warn("partition without a readable partition.metadata is left out of the catalog",
                  {{"directory", entry.name}});
      continue;
    }
    Topic& topic = topics[std::string(directory->topic)];
    if (!topic.name.empty() && topic.id != *id) {
      logger.warn("partition of another topic id is left out of the catalog",
                  {{"directory", entry.name}});
      continue;
    }
    topic.name = directory->topic;
    topic.id = *id;
    topic.created_ms = clock.wall_ms();
    topic.partition_count = std::max(topic.partition_count, directory->partition + 1);
  }
  Catalog catalog;
  if (topics.empty()) co_return catalog;
  for (const auto& [name, topic] : topics) {
    if (auto created = catalog.apply(CreateTopic{topic}); !created)
      logger.warn("topic is left out of the catalog",
                  {{"topic", name}, {"error", created.error().message()}});
  }
  // Which ids were given out is lost with the catalog. Ids counted from zero never reach the number
  // of milliseconds since 1970, and a reused one would make new records look like duplicates.
  const ReserveProducerIds above{clock.wall_ms()};
  (void)catalog.apply(above);
  logger.warn("the catalog was missing and was rebuilt from partition.metadata; configs are lost",
              {{"topics", catalog.topics().size()}});
  co_return catalog;
}

}  // namespace sluice::broker
