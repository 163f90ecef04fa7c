#include "tools/sluice/backup_manifest.hpp"

#include "protocol/record_batch.hpp"
#include "tools/files/whole_file.hpp"
#include "tools/sluice/json.hpp"

#include <boost/json.hpp>
#include <xxhash.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sluice::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view format_name = "sluice-backup";
constexpr std::int64_t format_version = 1;

std::string manifest_path(const std::string& directory) { return directory + "/manifest.json"; }

// ---- Writing ----

void write_partition(JsonWriter& out, const BackupPartition& partition) {
  out.begin_object().field("partition", partition.partition);
  out.field("start", partition.start).field("end", partition.end);
  out.key("missing").begin_array();
  for (const auto& [first, end] : partition.missing)
    out.begin_object().field("first", first).field("end", end).end_object();
  out.end_array().key("files").begin_array();
  for (const auto& file : partition.files) {
    out.begin_object().field("name", file.name).field("first", file.first).field("end", file.end);
    out.field("records", file.records).field("bytes", file.bytes);
    out.field("xxh3_128", file.checksum);
    if (file.last) {
      out.key("last").begin_object().field("base", file.last->base);
      out.field("crc", file.last->crc).field("epoch", file.last->epoch).end_object();
    }
    out.end_object();
  }
  out.end_array().end_object();
}

void write_topic(JsonWriter& out, const BackupTopic& topic) {
  out.begin_object().field("topic", topic.name).field("id", topic.id);
  out.key("configs").begin_object();
  for (const auto& config : topic.configs) out.field(config.name, config.value);
  out.end_object().key("partitions").begin_array();
  for (const auto& partition : topic.partitions) write_partition(out, partition);
  out.end_array().end_object();
}

void write_group(JsonWriter& out, const BackupGroup& group) {
  out.begin_object().field("group", group.id).key("offsets").begin_array();
  for (const auto& [where, committed] : group.offsets) {
    out.begin_object().field("topic", where.topic).field("partition", where.partition);
    out.field("offset", committed.offset).field("metadata", committed.metadata).end_object();
  }
  out.end_array().end_object();
}

// ---- Reading: anything that is not as written throws, and read_manifest() says so ----

std::string text(const json::object& object, const char* name) {
  return std::string(object.at(name).as_string());
}

std::int64_t number(const json::object& object, const char* name) {
  return object.at(name).to_number<std::int64_t>();
}

// What counts or numbers something.
std::int64_t natural(const json::object& object, const char* name) {
  const auto value = number(object, name);
  if (value < 0) throw std::runtime_error(std::string(name) + " is below 0");
  return value;
}

std::optional<BackupBatch> read_last(const json::object& file) {
  const auto* last = file.if_contains("last");
  if (last == nullptr) return std::nullopt;
  const auto& object = last->as_object();
  return BackupBatch{.base = natural(object, "base"),
                     .crc = object.at("crc").to_number<std::uint32_t>(),
                     .epoch = object.at("epoch").to_number<LeaderEpoch>()};
}

// Of the partition `expected`: they are in order, without gaps.
BackupPartition read_partition(const json::object& object, std::size_t expected) {
  BackupPartition partition{.partition = object.at("partition").to_number<PartitionIndex>(),
                            .start = natural(object, "start"),
                            .end = natural(object, "end")};
  if (!std::cmp_equal(partition.partition, expected))
    throw std::runtime_error("partitions are not in order");
  for (const auto& gap : object.at("missing").as_array())
    partition.missing.emplace_back(number(gap.as_object(), "first"),
                                   number(gap.as_object(), "end"));
  for (const auto& value : object.at("files").as_array()) {
    const auto& file = value.as_object();
    partition.files.push_back({.name = text(file, "name"),
                               .first = natural(file, "first"),
                               .end = natural(file, "end"),
                               .records = natural(file, "records"),
                               .bytes = static_cast<std::uint64_t>(natural(file, "bytes")),
                               .checksum = text(file, "xxh3_128"),
                               .last = read_last(file)});
  }
  return partition;
}

BackupManifest read(const json::object& object) {
  if (text(object, "format") != format_name || number(object, "version") != format_version)
    throw std::runtime_error("another format or version");
  BackupManifest manifest{.cluster_id = text(object, "cluster_id"),
                          .taken_ms = number(object, "taken_ms")};
  for (const auto& value : object.at("topics").as_array()) {
    const auto& row = value.as_object();
    BackupTopic topic{.name = text(row, "topic"), .id = text(row, "id")};
    for (const auto& config : row.at("configs").as_object())
      topic.configs.push_back({std::string(config.key()), std::string(config.value().as_string())});
    for (const auto& partition : row.at("partitions").as_array())
      topic.partitions.push_back(read_partition(partition.as_object(), topic.partitions.size()));
    manifest.topics.push_back(std::move(topic));
  }
  for (const auto& value : object.at("groups").as_array()) {
    const auto& row = value.as_object();
    BackupGroup group{.id = text(row, "group")};
    for (const auto& offset : row.at("offsets").as_array()) {
      const auto& committed = offset.as_object();
      const auto partition = committed.at("partition").to_number<PartitionIndex>();
      group.offsets[{text(committed, "topic"), partition}] = {
          .offset = number(committed, "offset"), .metadata = text(committed, "metadata")};
    }
    manifest.groups.push_back(std::move(group));
  }
  return manifest;
}

}  // namespace

Result<std::optional<BackupManifest>> read_manifest(const std::string& directory) {
  const auto path = manifest_path(directory);
  const auto file = MappedFile::open(path);
  if (!file && file.error().code == std::errc::no_such_file_or_directory) return std::nullopt;
  if (!file) return std::unexpected(file.error());
  const auto bytes = as_text(file->bytes());
  try {
    return read(json::parse(json::string_view(bytes.data(), bytes.size())).as_object());
  } catch (const std::exception& wrong) {
    return fail(Errc::invalid_argument, path + " is no manifest of ours: " + wrong.what());
  }
}

Result<> write_manifest(const std::string& directory, const BackupManifest& manifest) {
  auto file = WholeFile::create(manifest_path(directory));
  if (!file) return std::unexpected(file.error());
  JsonWriter out(file->buffer());
  out.begin_object().field("format", format_name).field("version", format_version);
  out.field("cluster_id", manifest.cluster_id).field("taken_ms", manifest.taken_ms);
  out.key("topics").begin_array();
  for (const auto& topic : manifest.topics) write_topic(out, topic);
  out.end_array().key("groups").begin_array();
  for (const auto& group : manifest.groups) write_group(out, group);
  out.end_array().end_object();
  file->buffer() += '\n';
  return file->commit();
}

std::string checksum_of(Bytes bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

// ---- Files ----

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail_errno(errno, path);
  struct stat about{};
  void* data = MAP_FAILED;
  const bool known = ::fstat(descriptor, &about) == 0;
  const auto size = static_cast<std::size_t>(about.st_size);
  if (known && size > 0)
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
  const int status = errno;
  ::close(descriptor);
  if (known && size == 0) return MappedFile(nullptr, 0);
  if (data == MAP_FAILED) return fail_errno(status, path);
  return MappedFile(data, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(data_, size_);
}

std::optional<std::string> check_file(const BackupFile& file, Bytes bytes) {
  if (bytes.size() != file.bytes)
    return std::to_string(bytes.size()) + " bytes, not " + std::to_string(file.bytes);
  const bool whole = checksum_of(bytes) == file.checksum;
  Offset next = file.first;
  std::int64_t records = 0;
  protocol::BatchIterator batches(bytes);
  while (const auto batch = batches.next()) {
    const auto& header = batch->header;
    const auto at = "offset " + std::to_string(header.base_offset);
    if (!protocol::batch_crc_matches(batch->bytes)) return at + ": the batch's checksum is wrong";
    if (header.base_offset < next && records > 0) return at + " comes again";
    next = header.next_offset();
    records += header.record_count;
  }
  if (batches.error())
    return "byte " + std::to_string(batches.position()) + ": " +
           std::string(protocol::describe(*batches.error()));
  if (next != file.end || records != file.records) return "other records than the manifest says";
  if (!whole) return "the file's checksum is wrong";
  return std::nullopt;
}

}  // namespace sluice::cli
