#include "tools/sluice/backup.hpp"

#include "protocol/record_batch.hpp"
#include "tools/files/whole_file.hpp"
#include "tools/sluice/backup_link.hpp"
#include "tools/sluice/backup_manifest.hpp"
#include "tools/sluice/backup_source.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/progress.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 30;

bool is_compacted(const BackupTopic& topic) {
  const auto policy = std::ranges::find(topic.configs, "cleanup.policy", &ConfigSetting::name);
  return policy != topic.configs.end() && policy->value &&
         policy->value->find("compact") != std::string::npos;
}

// One backup at a time in a directory: held while the object lives.
class DirectoryLock {
 public:
  static Result<DirectoryLock> take(const std::string& directory) {
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return fail_errno(errno, directory);
    DirectoryLock lock(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
      return fail_errno(errno, "another backup works in " + directory);
    return lock;
  }
  DirectoryLock(DirectoryLock&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

struct Totals {
  std::uint64_t partitions = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

class Backup {
 public:
  Backup(const Global& global, const BackupOptions& options, Admin& admin, BatchLink& link,
         BackupManifest manifest)
      : options_(options),
        admin_(admin),
        link_(link),
        manifest_(std::move(manifest)),
        progress_(global, "backed up", 0) {}

  // The groups' offsets are read before the partitions' ends, so that none lies beyond what is
  // backed up.
  Result<> run() {
    const auto cluster = admin_.cluster();
    if (!cluster) return std::unexpected(cluster.error());
    if (!manifest_.cluster_id.empty() && manifest_.cluster_id != cluster->id)
      return fail(Errc::invalid_argument, options_.directory + " is a backup of cluster " +
                                              manifest_.cluster_id + ", this is " + cluster->id);
    manifest_.cluster_id = cluster->id;
    manifest_.taken_ms = SystemClock{}.wall_ms();
    const auto topics = chosen_topics();
    if (!topics) return std::unexpected(topics.error());
    if (options_.groups)
      if (const auto taken = take_groups(*topics); !taken) return taken;
    for (const auto& topic : *topics)
      if (const auto taken = take_topic(topic); !taken) return taken;
    return write_manifest(options_.directory, manifest_);
  }

  const Totals& totals() const { return totals_; }
  const BackupManifest& manifest() const { return manifest_; }
  const std::vector<std::string>& notes() const { return notes_; }
  Progress& progress() { return progress_; }

 private:
  Result<std::vector<TopicInfo>> chosen_topics() {
    auto all = admin_.topics();
    if (!all) return all;
    std::vector<TopicInfo> chosen;
    for (auto& topic : *all) {
      const auto& wanted = options_.topics;
      const bool named = std::ranges::find(wanted, topic.name) != wanted.end();
      if (named || (wanted.empty() && !topic.internal && !topic.name.starts_with("__")))
        chosen.push_back(std::move(topic));
    }
    for (const auto& name : options_.topics)
      if (std::ranges::find(chosen, name, &TopicInfo::name) == chosen.end())
        return fail(Errc::unknown_topic, name);
    return chosen;
  }

  Result<> take_groups(const std::vector<TopicInfo>& topics) {
    const auto groups = admin_.groups();
    if (!groups) return std::unexpected(groups.error());
    const auto chosen = [&](const auto& entry) {
      return std::ranges::find(topics, entry.first.topic, &TopicInfo::name) != topics.end();
    };
    // What is known of other topics stays.
    for (auto& group : manifest_.groups) std::erase_if(group.offsets, chosen);
    for (const auto& group : *groups) {
      if (group.type == "share") continue;  // what share groups know is no offset
      const auto offsets = admin_.group_offsets(group.id);
      if (!offsets) return std::unexpected(offsets.error());
      auto taken = std::ranges::find(manifest_.groups, group.id, &BackupGroup::id);
      if (taken == manifest_.groups.end())
        taken = manifest_.groups.insert(taken, {.id = group.id, .offsets = {}});
      for (const auto& entry : *offsets)
        if (chosen(entry)) taken->offsets.insert(entry);
    }
    std::erase_if(manifest_.groups, [](const auto& group) { return group.offsets.empty(); });
    return {};
  }

  // The topic's place in the manifest, new or from the last backup.
  Result<BackupTopic*> place_of(const TopicInfo& topic) {
    auto found = std::ranges::find(manifest_.topics, topic.name, &BackupTopic::name);
    const auto id = topic.id.to_string();
    if (found == manifest_.topics.end())
      found = manifest_.topics.insert(found, {.name = topic.name, .id = id});
    if (found->id != id)
      return fail(Errc::invalid_argument, "topic '" + topic.name +
                                              "' was created anew since the last backup; take a "
                                              "new directory");
    return &*found;
  }

  Result<> take_topic(const TopicInfo& topic) {
    const auto place = place_of(topic);
    if (!place) return std::unexpected(place.error());
    BackupTopic& taken = **place;
    const auto configs = admin_.configs({ResourceType::topic, topic.name});
    if (!configs) return std::unexpected(configs.error());
    taken.configs.clear();
    for (const auto& config : *configs)
      if (config.source == ConfigSource::topic && config.value)
        taken.configs.push_back({config.name, config.value});
    std::map<TopicPartition, std::int64_t> first;
    std::map<TopicPartition, std::int64_t> last;
    for (const auto& partition : topic.partitions) {
      first[{topic.name, partition.partition}] = static_cast<std::int64_t>(OffsetSpec::earliest);
      last[{topic.name, partition.partition}] = static_cast<std::int64_t>(OffsetSpec::latest);
    }
    const auto ends = admin_.offsets(last);
    if (!ends) return std::unexpected(ends.error());
    const auto starts = admin_.offsets(first);
    if (!starts) return std::unexpected(starts.error());
    for (const auto& [where, end] : *ends) {
      const auto start = starts->at(where).offset;
      const auto index = static_cast<std::size_t>(where.partition);
      if (taken.partitions.size() <= index)
        taken.partitions.push_back({.partition = where.partition, .start = start, .end = start});
      const auto same = check_source(link_, where, taken.partitions[index], start, end.offset,
                                     is_compacted(taken) ? Compacted::yes : Compacted::no);
      if (!same) return same;
      const auto done = take_partition(where, taken.partitions[index], start, end.offset);
      if (!done) return done;
    }
    return {};
  }

  Result<> take_partition(const TopicPartition& where, BackupPartition& partition, Offset start,
                          Offset end) {
    ++totals_.partitions;
    if (partition.end < start) {  // retention was faster than the backups
      notes_.push_back(where.to_string() + ": offsets " + std::to_string(partition.end) + " to " +
                       std::to_string(start - 1) + " were deleted before they were backed up");
      partition.missing.emplace_back(partition.end, start);
      partition.end = start;
    }
    while (partition.end < end) {
      if (interrupted()) return fail(Errc::cancelled, "the last backup still holds");
      const auto before = partition.end;
      const auto done = take_file(where, partition, end);
      if (!done) return done;
      if (partition.end == before) {
        notes_.push_back(where.to_string() + ": stopped at offset " + std::to_string(before) +
                         ", where a transaction is open");
        break;
      }
    }
    return {};
  }

  // Writes the next file, up to `end` or the size of one.
  Result<> take_file(const TopicPartition& where, BackupPartition& partition, Offset end) {
    char number[32];
    std::snprintf(number, sizeof number, "%020lld.batches", static_cast<long long>(partition.end));
    const auto folder = where.topic + "/" + std::to_string(where.partition);
    BackupFile about{.name = folder + "/" + number, .first = partition.end, .end = partition.end};
    const auto path = options_.directory + "/" + about.name;
    std::optional<WholeFile> file;
    Offset at = partition.end;
    while (at < end && about.bytes < file_bytes_max && !interrupted()) {
      const auto fetched = link_.fetch(where, at);
      if (!fetched) return std::unexpected(fetched.error());
      if (fetched->next == at) break;
      at = fetched->next;
      if (fetched->batches.empty()) continue;
      if (!file) {
        std::error_code failed;
        std::filesystem::create_directories(options_.directory + "/" + folder, failed);
        if (failed) return fail(failed, options_.directory + "/" + folder);
        auto made = WholeFile::create(path);
        if (!made) return std::unexpected(made.error());
        file.emplace(std::move(*made));
      }
      for (const auto& batch : fetched->batches)
        if (const auto added = add_batch(*file, about, batch.bytes); !added) return added;
      progress_.show(totals_.records);
    }
    if (file) {
      if (const auto committed = file->commit(); !committed) return committed;
      const auto written = MappedFile::open(path);
      if (!written) return std::unexpected(written.error());
      about.checksum = checksum_of(written->bytes());
      if (const auto wrong = check_file(about, written->bytes()))
        return fail(Errc::corrupt_batch, path + ": " + *wrong);
      partition.files.push_back(std::move(about));
    }
    partition.end = at;
    return {};
  }

  Result<> add_batch(WholeFile& file, BackupFile& about, Bytes batch) {
    const auto header = protocol::parse_batch_header(batch);
    if (!header) return fail(header.error(), about.name);
    if (about.records == 0) about.first = header->base_offset;
    about.end = header->next_offset();
    about.last = {
        .base = header->base_offset, .crc = header->crc, .epoch = header->partition_leader_epoch};
    about.records += header->record_count;
    about.bytes += batch.size();
    totals_.records += static_cast<std::uint64_t>(header->record_count);
    totals_.bytes += batch.size();
    return file.write(as_text(batch));
  }

  const BackupOptions& options_;
  Admin& admin_;
  BatchLink& link_;
  BackupManifest manifest_;
  Progress progress_;
  Totals totals_;
  std::vector<std::string> notes_;
};

// What the last backup in it knew. The directory is empty or one of ours.
Result<BackupManifest> last_manifest(const std::string& directory) {
  std::error_code failed;
  auto manifest = read_manifest(directory);
  if (!manifest) return std::unexpected(manifest.error());
  if (*manifest) return std::move(**manifest);
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed))
    if (!entry.is_directory() && entry.path().extension() != ".part")
      return fail(Errc::invalid_argument, directory + " is neither empty nor a backup");
  return BackupManifest{};
}

void print_backup(const Global& global, const Backup& backup) {
  const auto& totals = backup.totals();
  if (global.json) {
    Output out;
    JsonWriter json(out.buffer());
    json.begin_object().field("topics", backup.manifest().topics.size());
    json.field("partitions", totals.partitions).field("records", totals.records);
    json.field("bytes", totals.bytes).field("groups", backup.manifest().groups.size());
    json.field("notes", backup.notes()).end_object();
    out.buffer() += '\n';
    return;
  }
  for (const auto& note : backup.notes()) say(global, note);
  say(global, "new: " + records_text(totals.records) + ", " + human_bytes(totals.bytes) + " of " +
                  std::to_string(totals.partitions) + " partitions; offsets of " +
                  std::to_string(backup.manifest().groups.size()) + " groups");
}

}  // namespace

Exit complain_of_backup(const Global& global, const Error& error) {
  if (error.is(Errc::unknown_topic))
    return complain(Exit::not_found, "no topic '" + error.context + "'");
  if (error.is(Errc::cancelled)) return complain_of_interrupt(error.context);
  if (error.is(Errc::invalid_argument)) return complain(Exit::failed, error.context);
  if (error.code == std::errc::no_such_file_or_directory)  // of the backup's own: it is damaged
    return complain(Exit::failed, error.message());
  return complain(global, error);
}

Exit backup_create(const Global& global, const BackupOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(options.directory, failed);
  if (failed) return complain(global, {failed, options.directory});
  const auto lock = DirectoryLock::take(options.directory);
  if (!lock) return complain(global, lock.error());
  auto manifest = last_manifest(options.directory);
  if (!manifest) return complain_of_backup(global, manifest.error());
  auto admin = Admin::create(global.client_options());
  if (!admin) return complain(global, admin.error());
  auto link = BatchLink::create(global.client_options());
  if (!link) return complain(global, link.error());
  catch_interrupts();
  Backup backup(global, options, *admin, *link, std::move(*manifest));
  const auto done = backup.run();
  backup.progress().clear();
  if (!done) return complain_of_backup(global, done.error());
  print_backup(global, backup);
  return Exit::ok;
}

Exit backup_verify(const Global& global, const BackupVerifyOptions& options) {
  const auto manifest = read_manifest(options.directory);
  if (!manifest) return complain_of_backup(global, manifest.error());
  if (!*manifest) return complain(Exit::not_found, options.directory + " has no manifest.json");
  Totals totals;
  std::uint64_t files = 0;
  std::vector<std::string> damage;
  Progress progress(global, "verified", 0);
  for (const auto& topic : (*manifest)->topics) {
    for (const auto& partition : topic.partitions) {
      ++totals.partitions;
      for (const auto& about : partition.files) {
        ++files;
        const auto file = MappedFile::open(options.directory + "/" + about.name);
        const auto wrong =
            file ? check_file(about, file->bytes()) : std::optional(file.error().code.message());
        if (wrong) damage.push_back(about.name + ": " + *wrong);
        totals.records += static_cast<std::uint64_t>(about.records);
        totals.bytes += about.bytes;
        progress.show(totals.records);
      }
    }
  }
  progress.clear();
  if (global.json) {
    Output out;
    JsonWriter json(out.buffer());
    json.begin_object().field("files", files).field("partitions", totals.partitions);
    json.field("records", totals.records).field("bytes", totals.bytes);
    json.field("damage", damage).end_object();
    out.buffer() += '\n';
  }
  for (const auto& text : damage) complain(Exit::failed, text);
  if (!damage.empty()) return Exit::failed;
  say(global, records_text(totals.records) + " in " + std::to_string(files) + " files of " +
                  std::to_string(totals.partitions) + " partitions are intact");
  return Exit::ok;
}

void add_backup_create_options(CLI::App& command, BackupOptions& options) {
  command
      .add_option("DIRECTORY", options.directory,
                  "Where to; made when it is not there, added to when it is a backup")
      ->required();
  command.add_option("TOPIC", options.topics, "Topics (default: all but the brokers' own)");
  command.add_flag("!--no-groups", options.groups, "Leave the offsets of groups out");
  command.footer(
      "Examples:\n"
      "  sluice backup create /backups/orders orders payments\n"
      "  sluice backup create /backups/all      # again: only what is new\n"
      "  sluice backup verify /backups/all");
}

void add_backup_verify_options(CLI::App& command, BackupVerifyOptions& options) {
  command.add_option("DIRECTORY", options.directory, "What backup create wrote")->required();
  command.footer("Examples:\n  sluice backup verify /backups/all --json");
}

}  // namespace sluice::cli
