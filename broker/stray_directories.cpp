#include "broker/stray_directories.hpp"

#include "broker/catalog_rebuild.hpp"
#include "storage/file_system.hpp"
#include "storage/format.hpp"
#include "storage/small_file.hpp"

namespace sluice::broker {
namespace {

constexpr std::size_t metadata_size_max = 4096;

// The topic id a partition directory was made for; nullopt when it does not say.
Task<std::optional<Uuid>> owner_of(storage::FileSystem& files, std::string directory) {
  const std::string path = directory + "/" + std::string(storage::partition_metadata_name);
  const auto data = co_await storage::read_small_file(files, path, metadata_size_max);
  if (!data) co_return std::nullopt;
  co_return parse_partition_metadata(as_text(*data));
}

bool belongs(const Catalog& catalog, const PartitionDirectory& directory, const Uuid& id) {
  const Topic* topic = catalog.find(directory.topic);
  return topic != nullptr && topic->id == id && directory.partition < topic->partition_count;
}

}  // namespace

Task<Result<>> set_strays_aside(storage::FileSystem& files, CatalogSnapshot catalog,
                                Logger& logger) {
  const auto entries = co_await files.list("");
  if (!entries) co_return std::unexpected(entries.error());
  bool renamed = false;
  for (const storage::DirectoryEntry& entry : *entries) {
    if (entry.kind != storage::EntryKind::directory) continue;
    const auto directory = parse_partition_directory(entry.name);
    if (!directory) continue;
    const auto id = co_await owner_of(files, entry.name);
    if (!id || belongs(*catalog, *directory, *id)) continue;
    const std::string aside = entry.name + "." + id->to_string() + "-stray";
    if (auto moved = co_await files.rename(entry.name, aside); !moved) co_return moved;
    logger.warn(
        "a partition directory belongs to no topic and was set aside; remove it if the "
        "topic was deleted",
        {{"directory", entry.name}, {"set_aside_as", aside}});
    renamed = true;
  }
  if (!renamed) co_return Result<>{};
  co_return co_await files.sync_directory("");
}

}  // namespace sluice::broker
