// `sluice restore`: the batches of a backup, sent into topics that are made for them.
#include "protocol/batch_builder.hpp"
#include "protocol/compression.hpp"
#include "protocol/record.hpp"
#include "tools/sluice/backup.hpp"
#include "tools/sluice/backup_link.hpp"
#include "tools/sluice/backup_manifest.hpp"
#include "tools/sluice/backup_offsets.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/progress.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::size_t decompressed_max = std::size_t{1} << 30;
constexpr std::string_view timestamp_type = "message.timestamp.type";

protocol::RecordsSlice slice_of(std::vector<std::byte> bytes) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  const Bytes view(*owner);
  return {.bytes = view, .owner = std::move(owner)};
}

// A batch as a producer may send it: without producer id, transaction and gaps, and with the
// timestamps that its records have, whoever set them.
class BatchMaker {
 public:
  Result<protocol::RecordsSlice> make(const protocol::BatchView& batch) {
    const auto& header = batch.header;
    const bool dense = header.last_offset_delta + 1 == header.record_count;
    const bool own_stamps = header.timestamp_type() == protocol::TimestampType::create_time;
    return dense && own_stamps ? stripped(batch) : rebuilt(batch);
  }
  // The records of a batch, decompressed. Lifetime: until the next call.
  Result<Bytes> record_area(const protocol::BatchView& batch) {
    if (batch.header.compression() == protocol::Compression::none) return batch.records();
    area_.clear();
    const auto done = decompressor_.decompress(batch.header.compression(), batch.records(),
                                               decompressed_max, area_);
    if (!done) return fail(done.error(), "offset " + std::to_string(batch.header.base_offset));
    return Bytes(area_);
  }

 private:
  static protocol::RecordsSlice stripped(const protocol::BatchView& batch) {
    std::vector<std::byte> bytes(batch.bytes.begin(), batch.bytes.end());
    protocol::BatchHeader header = batch.header;
    header.base_offset = 0;
    header.partition_leader_epoch = -1;
    header.producer_id = protocol::no_producer_id;
    header.producer_epoch = protocol::no_producer_epoch;
    header.base_sequence = protocol::no_sequence;
    header.attributes &= protocol::batch_attributes::compression_mask;
    protocol::write_batch_header(header, bytes);
    protocol::refresh_batch_crc(bytes);
    return slice_of(std::move(bytes));
  }

  Result<protocol::RecordsSlice> rebuilt(const protocol::BatchView& batch) {
    const auto area = record_area(batch);
    if (!area) return std::unexpected(area.error());
    builder_.reset({.compression = batch.header.compression()});
    std::vector<Header> headers;
    protocol::RecordIterator records(*area, batch.header.record_count);
    while (const auto record = records.next()) {
      headers.assign(record->headers.begin(), record->headers.end());
      builder_.append({.timestamp = protocol::timestamp_of(*record, batch.header),
                       .key = record->key,
                       .value = record->value,
                       .headers = headers});
    }
    if (records.error())
      return fail(*records.error(), "offset " + std::to_string(batch.header.base_offset));
    return slice_of(builder_.finish(compressor_));
  }

  protocol::Decompressor decompressor_;
  protocol::Compressor compressor_;
  protocol::BatchBuilder builder_;
  std::vector<std::byte> area_;
};

// What became of a partition's offsets.
struct RestoredPartition {
  PartitionIndex partition = 0;
  std::uint64_t records = 0;
  Offset first = -1;  // offset of the first record in the backup; -1: none
  Offset base = 0;    // of the first record now
  bool gaps = false;  // compaction, transactions or retention left some offsets out
  // An offset of a group, and what it is now.
  std::map<Offset, Offset> translated;

  std::string_view kept() const {
    if (gaps) return "renumbered";
    return first < 0 || first == base ? "kept" : "shifted";
  }
};

struct RestoredTopic {
  std::string name;
  std::vector<RestoredPartition> partitions;
};

class Restore {
 public:
  Restore(const Global& global, const RestoreOptions& options, Admin& admin, BatchLink& link)
      : options_(options), admin_(admin), link_(link), progress_(global, "restored", 0) {}

  Result<> run(const BackupManifest& manifest) {
    for (const auto& topic : manifest.topics)
      if (wanted(topic.name))
        if (const auto free = check_target(topic); !free) return free;
    for (const auto& topic : manifest.topics) {
      if (!wanted(topic.name)) continue;
      if (const auto done = restore_topic(topic, manifest); !done) return done;
    }
    return options_.groups ? restore_groups(manifest) : Result<>{};
  }

  const std::map<std::string, RestoredTopic>& topics() const { return topics_; }
  std::uint64_t groups() const { return groups_; }
  Progress& progress() { return progress_; }

 private:
  bool wanted(const std::string& topic) const {
    return options_.topics.empty() ||
           std::ranges::find(options_.topics, topic) != options_.topics.end();
  }
  std::string target(const std::string& topic) const { return options_.prefix + topic; }

  // Nothing is written where something is already.
  Result<> check_target(const BackupTopic& topic) {
    const auto name = target(topic.name);
    const auto found = admin_.topics({name});
    if (!found) return std::unexpected(found.error());
    if (!found->empty() && found->front().error == ErrorCode::none)
      return fail(Errc::invalid_argument, "topic '" + name +
                                              "' is there already; --prefix restores under "
                                              "another name");
    return {};
  }

  Result<> create(const BackupTopic& topic) {
    NewTopic made{.name = target(topic.name),
                  .partitions = static_cast<std::int32_t>(topic.partitions.size()),
                  .configs = topic.configs};
    // Else the broker would stamp all records anew; set at the end.
    std::erase_if(made.configs, [](const auto& config) { return config.name == timestamp_type; });
    made.configs.push_back({std::string(timestamp_type), "CreateTime"});
    return admin_.create_topic(made, options_.dry_run ? Commit::dry_run : Commit::yes);
  }

  Result<> restore_topic(const BackupTopic& topic, const BackupManifest& manifest) {
    if (const auto created = create(topic); !created) return created;
    auto& restored = topics_[topic.name];
    restored.name = target(topic.name);
    for (const auto& partition : topic.partitions) {
      auto& row = restored.partitions.emplace_back();
      row.partition = partition.partition;
      for (const auto& group : manifest.groups)
        if (const auto found = group.offsets.find({topic.name, partition.partition});
            found != group.offsets.end())
          row.translated[found->second.offset] = -1;
      const TopicPartition where{restored.name, partition.partition};
      if (can_keep_offsets(topic, partition) && !partition.files.empty())
        row.base = partition.files.front().first;
      for (const auto& file : partition.files)
        if (const auto done = restore_file(where, file, row); !done) return done;
    }
    const auto stamps = std::ranges::find(topic.configs, timestamp_type, &ConfigSetting::name);
    const ConfigSetting setting{std::string(timestamp_type),
                                stamps == topic.configs.end() ? std::nullopt : stamps->value};
    if (options_.dry_run) return {};
    return admin_.alter_configs({ResourceType::topic, restored.name}, {setting});
  }

  Result<> restore_file(const TopicPartition& where, const BackupFile& about,
                        RestoredPartition& row) {
    const auto path = options_.directory + "/" + about.name;
    const auto file = MappedFile::open(path);
    if (!file) return std::unexpected(file.error());
    if (const auto wrong = check_file(about, file->bytes()))
      return fail(Errc::corrupt_batch, path + ": " + *wrong);
    protocol::BatchIterator batches(file->bytes());
    while (const auto batch = batches.next()) {
      if (interrupted()) return fail(Errc::cancelled, "delete what was restored and begin again");
      if (const auto sent = restore_batch(where, *batch, row); !sent) return sent;
      progress_.show(restored_records_);
    }
    return {};
  }

  Result<> restore_batch(const TopicPartition& where, const protocol::BatchView& batch,
                         RestoredPartition& row) {
    const auto& header = batch.header;
    if (header.record_count == 0) {  // it stands for records that are gone
      row.gaps = true;
      return translate(batch, row);
    }
    if (row.first < 0) row.first = header.base_offset;
    const auto expected = row.first + static_cast<Offset>(row.records);
    const bool dense = header.last_offset_delta + 1 == header.record_count;
    if (header.base_offset != expected || !dense) row.gaps = true;
    if (const auto counted = translate(batch, row); !counted) return counted;
    if (!options_.dry_run) {
      auto slice = maker_.make(batch);
      if (!slice) return std::unexpected(slice.error());
      if (row.records == 0 && row.base > 0) {
        const auto begun = begin_at(link_, admin_, where, row.base, header.base_timestamp);
        if (!begun) return begun;
      }
      const auto base = link_.produce(where, std::move(*slice));
      if (!base) return std::unexpected(base.error());
      if (*base != row.base + static_cast<Offset>(row.records))
        return fail(Errc::invalid_argument,
                    "somebody else writes to " + where.to_string() + "; begin again");
    }
    row.records += static_cast<std::uint64_t>(header.record_count);
    restored_records_ += static_cast<std::uint64_t>(header.record_count);
    return {};
  }

  // A group goes on at the first record that it went on at before: so many records lie before it.
  Result<> translate(const protocol::BatchView& batch, RestoredPartition& row) {
    const auto& header = batch.header;
    const bool dense = header.last_offset_delta + 1 == header.record_count;
    const auto before = row.base + static_cast<Offset>(row.records);
    for (auto& [offset, now] : row.translated) {
      if (offset > header.last_offset()) {
        now = before + header.record_count;
      } else if (offset > header.base_offset && header.record_count == 0) {
        now = before;
      } else if (offset > header.base_offset && dense) {
        now = before + (offset - header.base_offset);
      } else if (offset > header.base_offset) {
        const auto area = maker_.record_area(batch);
        if (!area) return std::unexpected(area.error());
        now = before;
        protocol::RecordIterator records(*area, header.record_count);
        while (const auto record = records.next())
          if (protocol::offset_of(*record, header) < offset) ++now;
      }
    }
    return {};
  }

  Result<> restore_groups(const BackupManifest& manifest) {
    for (const auto& group : manifest.groups) {
      Admin::GroupOffsets offsets;
      for (const auto& [where, committed] : group.offsets) {
        const auto topic = topics_.find(where.topic);
        if (topic == topics_.end()) continue;
        const auto& rows = topic->second.partitions;
        // A partition that was added while the groups had been read already.
        if (where.partition < 0 || std::cmp_greater_equal(where.partition, rows.size())) continue;
        const auto& row = rows[static_cast<std::size_t>(where.partition)];
        const auto now = row.translated.find(committed.offset);
        if (now == row.translated.end()) continue;
        offsets[{topic->second.name, where.partition}] = {.offset = std::max(row.base, now->second),
                                                          .metadata = committed.metadata};
      }
      if (offsets.empty()) continue;
      ++groups_;
      if (options_.dry_run) continue;
      const auto set = admin_.alter_group_offsets(options_.prefix + group.id, offsets);
      if (!set) return set;
    }
    return {};
  }

  const RestoreOptions& options_;
  Admin& admin_;
  BatchLink& link_;
  Progress progress_;
  BatchMaker maker_;
  std::map<std::string, RestoredTopic> topics_;  // by their names in the backup
  std::uint64_t restored_records_ = 0;
  std::uint64_t groups_ = 0;
};

void print_json(const Restore& restore) {
  Output out;
  JsonWriter json(out.buffer());
  json.begin_object().key("topics").begin_array();
  for (const auto& [source, topic] : restore.topics()) {
    json.begin_object().field("topic", topic.name).field("source", source);
    json.key("partitions").begin_array();
    for (const auto& row : topic.partitions) {
      json.begin_object().field("partition", row.partition).field("records", row.records);
      json.field("first_offset", row.first).field("offsets", row.kept()).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().field("groups", restore.groups()).end_object();
  out.buffer() += '\n';
}

void print_text(const Global& global, const RestoreOptions& options, const Restore& restore) {
  std::uint64_t records = 0;
  for (const auto& [source, topic] : restore.topics()) {
    for (const auto& row : topic.partitions) {
      records += row.records;
      if (row.kept() == "kept") continue;
      say(global, topic.name + "-" + std::to_string(row.partition) + ": offsets " +
                      std::string(row.kept()) + "; they began at " + std::to_string(row.first) +
                      " and begin at " + std::to_string(row.base) + " now");
    }
  }
  say(global, (options.dry_run ? "would restore " : "restored ") + with_commas(records) +
                  " records of " + std::to_string(restore.topics().size()) +
                  " topics, and the offsets of " + std::to_string(restore.groups()) + " groups");
}

}  // namespace

Exit restore(const Global& global, const RestoreOptions& options) {
  const auto manifest = read_manifest(options.directory);
  if (!manifest) return complain_of_backup(global, manifest.error());
  if (!*manifest) return complain(Exit::not_found, options.directory + " has no manifest.json");
  for (const auto& name : options.topics)
    if (std::ranges::find((*manifest)->topics, name, &BackupTopic::name) ==
        (*manifest)->topics.end())
      return complain(Exit::not_found, "the backup has no topic '" + name + "'");
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  auto link = BatchLink::create(global.client_options());
  if (!link) return complain(global, link.error());
  catch_interrupts();
  Restore work(global, options, *admin, *link);
  const auto done = work.run(**manifest);
  work.progress().clear();
  if (!done) return complain_of_backup(global, done.error());
  if (global.json)
    print_json(work);
  else
    print_text(global, options, work);
  return Exit::ok;
}

void add_restore_options(CLI::App& command, RestoreOptions& options) {
  command.add_option("DIRECTORY", options.directory, "What backup create wrote")->required();
  command.add_option("--topic", options.topics, "Only this topic; may repeat");
  command.add_option("--prefix", options.prefix, "Put this before the names of topics and groups");
  command.add_flag("!--no-groups", options.groups, "Leave the offsets of groups out");
  command.add_flag("-n,--dry-run", options.dry_run, "Only check, and say what would be restored");
  command.footer(
      "Examples:\n"
      "  sluice restore /backups/all -b other:9092\n"
      "  sluice restore /backups/all --topic orders --prefix restored-");
}

}  // namespace sluice::cli
