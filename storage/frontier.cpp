#include "storage/frontier.hpp"

#include "protocol/crc32c.hpp"
#include "storage/error.hpp"
#include "storage/format.hpp"
#include "storage/small_file.hpp"

#include <algorithm>
#include <array>

namespace sluice::storage {
namespace {

constexpr std::uint32_t magic = 0x534c4652;  // "SLFR"
constexpr std::uint16_t version = 2;
constexpr std::uint16_t flag_clean = 1;
constexpr std::uint32_t flag_inexact = 1;  // of an entry
constexpr std::size_t crc_at = 4;
constexpr std::size_t version_at = 8;
constexpr std::size_t crc_begin = 8;
constexpr std::size_t header_size = 32;
constexpr std::size_t entry_size_1 = 16 + 4 + 4 + 8 + 8 + 8;
constexpr std::size_t entry_size = entry_size_1 + 8 + 4 + 4;
static_assert(entry_size_1 == 48 && entry_size == 64);
constexpr std::size_t file_size_max = std::size_t{256} << 20;

struct Slot {
  std::uint64_t sequence = 0;
  bool clean = false;
  std::map<FrontierKey, Frontier> entries;
};

std::size_t entry_size_of(std::uint16_t written_by) {
  return written_by == 1 ? entry_size_1 : entry_size;
}

// Bytes of the slot, were it of that version; 0 if there are fewer.
std::size_t slot_size_of(Bytes bytes, std::uint16_t written_by) {
  const std::size_t each = entry_size_of(written_by);
  const auto count = load_big_endian<std::uint32_t>(bytes.data() + 20);
  if (count > (bytes.size() - header_size) / each) return 0;
  return header_size + count * each;
}

// Whether the checksum holds with `written_by` as the version.
bool is_intact(Bytes bytes, std::uint16_t written_by) {
  const std::size_t size = slot_size_of(bytes, written_by);
  if (size == 0) return false;
  std::array<std::byte, header_size> header;
  std::ranges::copy(bytes.first(header_size), header.begin());
  store_big_endian(header.data() + version_at, written_by);
  const std::uint32_t crc = protocol::crc32c(Bytes(header).subspan(crc_begin));
  return load_big_endian<std::uint32_t>(bytes.data() + crc_at) ==
         protocol::extend_crc32c(crc, bytes.subspan(header_size, size - header_size));
}

// The slot at the start of `bytes`; empty if it is damaged or was never written. Errors:
// unknown_format: it says that a newer version wrote it, and the checksum does not tell that this
// is a bit that flipped.
Result<std::optional<Slot>> decode_slot(Bytes bytes) {
  if (bytes.size() < header_size) return std::nullopt;
  const std::byte* at = bytes.data();
  if (load_big_endian<std::uint32_t>(at) != magic) return std::nullopt;
  const auto written_by = load_big_endian<std::uint16_t>(at + version_at);
  if (written_by > version) {
    for (std::uint16_t known = 1; known <= version; ++known)
      if (is_intact(bytes, known)) return std::nullopt;
    return fail(Errc::unknown_format);
  }
  if (!is_intact(bytes, written_by)) return std::nullopt;
  const std::size_t each = entry_size_of(written_by);
  const auto count = load_big_endian<std::uint32_t>(at + 20);
  Slot slot;
  slot.clean = (load_big_endian<std::uint16_t>(at + 10) & flag_clean) != 0;
  slot.sequence = load_big_endian<std::uint64_t>(at + 12);
  for (std::uint32_t i = 0; i < count; ++i) {
    at = bytes.data() + header_size + i * each;
    FrontierKey key;
    std::memcpy(key.topic_id.octets.data(), at, 16);
    key.partition = load_big_endian<std::int32_t>(at + 16);
    Frontier& f = slot.entries[key];
    f.epoch = load_big_endian<std::int32_t>(at + 20);
    f.offset = load_big_endian<std::int64_t>(at + 24);
    f.segment = load_big_endian<std::int64_t>(at + 32);
    f.position = load_big_endian<std::int64_t>(at + 40);
    f.exact = slot.clean;
    if (written_by == 1) continue;
    f.log_start = load_big_endian<std::int64_t>(at + 48);
    f.epochs_crc = load_big_endian<std::uint32_t>(at + 56);
    f.exact = slot.clean && (load_big_endian<std::uint32_t>(at + 60) & flag_inexact) == 0;
  }
  return slot;
}

}  // namespace

FrontierSlots count_frontier_slots(Bytes file) {
  FrontierSlots slots;
  const std::size_t half = file.size() / 2;
  for (const Bytes slot : {file.first(half), file.subspan(half)}) {
    const auto zero = [](std::byte b) { return b == std::byte{}; };
    if (std::ranges::all_of(slot, zero)) continue;
    const auto decoded = decode_slot(slot);
    ++(decoded && *decoded ? slots.intact : slots.damaged);
  }
  return slots;
}

Task<Result<std::unique_ptr<FrontierFile>>> FrontierFile::open(FileSystem& files,
                                                               std::string path) {
  auto frontier = std::make_unique<FrontierFile>(Key{}, files, std::move(path));
  auto loaded = co_await frontier->load();
  if (!loaded) co_return std::unexpected(loaded.error());
  co_return frontier;
}

Task<Result<>> FrontierFile::load() {
  const auto data = co_await read_small_file(files_, path_, file_size_max);
  if (!data) {
    if (is_not_found(data.error())) co_return Result<>{};
    co_return std::unexpected(data.error());
  }
  existed_ = true;
  const Bytes bytes(*data);
  std::optional<Slot> newest;
  Result<> known;
  for (const std::size_t start : {std::size_t{0}, bytes.size() / 2}) {
    auto slot = decode_slot(bytes.subspan(start));
    if (!slot) {
      known = fail(slot.error().code, path_ + ": a newer version of sluice is needed");
    } else if (*slot && (!newest || (*slot)->sequence > newest->sequence)) {
      newest = std::move(**slot);
    }
  }
  // Both slots are of one version, whose first save replaces the file: beside one that can be read
  // the other is damaged.
  if (!newest) co_return known;
  sequence_ = newest->sequence;
  was_clean_ = newest->clean;
  entries_ = std::move(newest->entries);
  co_return Result<>{};
}

std::optional<Frontier> FrontierFile::find(const FrontierKey& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

void FrontierFile::set(const FrontierKey& key, const Frontier& frontier,
                       std::int64_t bytes_written) {
  entries_[key] = frontier;
  bytes_behind_ += bytes_written;
  dirty_ = true;
}

void FrontierFile::doubt(const FrontierKey& key) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) found->second.exact = false;
}

void FrontierFile::erase(const FrontierKey& key) {
  if (entries_.erase(key) != 0) dirty_ = true;
}

std::vector<std::byte> FrontierFile::encode(Mark mark) {
  const std::size_t size = header_size + entries_.size() * entry_size;
  std::vector<std::byte> out(size);
  std::byte* at = out.data();
  store_big_endian(at, magic);
  store_big_endian(at + version_at, version);
  store_big_endian(at + 10, mark == Mark::clean ? flag_clean : std::uint16_t{0});
  store_big_endian(at + 12, ++sequence_);
  store_big_endian(at + 20, static_cast<std::uint32_t>(entries_.size()));
  at += header_size;
  for (const auto& [key, f] : entries_) {
    std::memcpy(at, key.topic_id.octets.data(), 16);
    store_big_endian(at + 16, key.partition);
    store_big_endian(at + 20, f.epoch);
    store_big_endian(at + 24, f.offset);
    store_big_endian(at + 32, f.segment);
    store_big_endian(at + 40, f.position);
    store_big_endian(at + 48, f.log_start);
    store_big_endian(at + 56, f.epochs_crc);
    store_big_endian(at + 60, f.exact ? std::uint32_t{0} : flag_inexact);
    at += entry_size;
  }
  store_big_endian(out.data() + crc_at, protocol::crc32c(Bytes(out).subspan(crc_begin)));
  return out;
}

Task<Result<>> FrontierFile::save(Mark mark) {
  if (failed_) co_return std::unexpected(*failed_);
  if (saving_) co_return Result<>{};
  saving_ = true;
  dirty_ = false;
  bytes_behind_ = 0;
  std::vector<std::byte> slot = encode(mark);
  Result<> done;
  if (file_ == nullptr || static_cast<std::int64_t>(slot.size()) > slot_size_) {
    done = co_await rewrite(std::move(slot));
  } else {
    const std::uint64_t position = sequence_ % 2 == 0 ? 0u : static_cast<std::uint64_t>(slot_size_);
    done = co_await file_->write(slot, position, Durability::durable);
  }
  saving_ = false;
  saved_.notify();
  if (!done) failed_ = done.error();
  co_return done;
}

Task<Result<>> FrontierFile::save_now() {
  while (saving_) co_await saved_.wait();
  co_return co_await save(Mark::running);
}

// A new file with larger slots, put in place of the old one at once.
Task<Result<>> FrontierFile::rewrite(std::vector<std::byte> slot) {
  slot_size_ = block_ceil(static_cast<std::int64_t>(slot.size()) * 2);
  const std::size_t start = sequence_ % 2 == 0 ? 0u : static_cast<std::size_t>(slot_size_);
  std::vector<std::byte> whole(static_cast<std::size_t>(slot_size_) * 2);
  std::ranges::copy(slot, whole.begin() + static_cast<std::ptrdiff_t>(start));
  const std::size_t slash = path_.rfind('/');
  auto made = co_await files_.make_directories(path_.substr(0, slash));
  if (!made) co_return made;
  auto replaced = co_await replace_small_file(files_, path_.substr(0, slash),
                                              path_.substr(slash + 1), std::move(whole));
  if (!replaced) co_return replaced;
  const OpenOptions options{.mode = OpenMode::read_write};
  auto file = co_await files_.open(path_, options);
  if (!file) co_return std::unexpected(file.error());
  file_ = std::move(*file);
  co_return Result<>{};
}

}  // namespace sluice::storage
