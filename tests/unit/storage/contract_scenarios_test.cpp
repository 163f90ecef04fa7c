// The scenarios of file_system_contract.hpp. Run by file_system_contract_test.cpp.
#include "storage/aligned_buffer.hpp"
#include "tests/support/must.hpp"
#include "tests/unit/storage/file_system_contract.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace sluice::storage::contract {
namespace {

using ::testing::ElementsAre;

AlignedBuffer filled(std::size_t size, char fill) {
  auto buffer = AlignedBuffer::allocate(size);
  std::memset(buffer.data(), fill, buffer.size());
  return buffer;
}

// `size` bytes that differ from block to block.
AlignedBuffer pattern(std::size_t size, std::uint8_t seed) {
  auto buffer = AlignedBuffer::allocate(size);
  for (std::size_t i = 0; i < buffer.size(); ++i) {
    buffer.data()[i] = static_cast<std::byte>(seed + i * 7 + i / block_size);
  }
  return buffer;
}

Task<std::unique_ptr<File>> open_new(FileSystem& fs, std::string path, bool direct) {
  const OpenOptions options{.mode = OpenMode::create_new, .direct = direct};
  co_return must(co_await fs.open(std::move(path), options));
}

Task<std::string> read_text(File& file, std::uint64_t position, std::size_t size) {
  const std::size_t room = (size + block_size - 1) / block_size * block_size;
  const auto buffer = filled(std::max(room, block_size), '?');
  const std::size_t count = must(co_await file.read(buffer.bytes(), position));
  co_return std::string(as_text(buffer.bytes().first(std::min(count, size))));
}

Task<> writes_are_read_back(FileSystem& fs) {
  for (const bool direct : {false, true}) {
    const auto file = co_await open_new(fs, direct ? "direct" : "cached", direct);
    for (const Durability durability : {Durability::none, Durability::durable}) {
      const auto data = pattern(3 * block_size, durability == Durability::none ? 1 : 2);
      must(co_await file->write(data.bytes(), block_size, durability));
      const auto back = AlignedBuffer::allocate(3 * block_size);
      EXPECT_EQ(must(co_await file->read(back.bytes(), block_size)), 3 * block_size);
      EXPECT_TRUE(std::ranges::equal(back.bytes(), data.bytes()));
    }
    EXPECT_EQ(must(co_await file->size()), 4 * block_size);
    // What was skipped reads as zeros.
    const auto hole = filled(block_size, '?');
    must(co_await file->read(hole.bytes(), 0));
    EXPECT_TRUE(std::ranges::all_of(hole.bytes(), [](std::byte b) { return b == std::byte{0}; }));
    must(co_await file->close());
  }
}

Task<> cached_files_take_any_alignment(FileSystem& fs) {
  const auto file = co_await open_new(fs, "f", false);
  EXPECT_EQ(file->alignment(), 1u);
  EXPECT_FALSE(file->direct());
  must(co_await file->write(as_bytes("hello world"), 0, Durability::none));
  must(co_await file->write(as_bytes("W"), 6, Durability::durable));
  EXPECT_EQ(co_await read_text(*file, 0, 100), "hello World");
  EXPECT_EQ(co_await read_text(*file, 6, 3), "Wor");
  EXPECT_EQ(must(co_await file->size()), 11u);
}

Task<> reads_stop_at_the_end(FileSystem& fs) {
  for (const bool direct : {false, true}) {
    const auto file = co_await open_new(fs, direct ? "direct" : "cached", direct);
    const auto data = pattern(2 * block_size, 3);
    must(co_await file->write(data.bytes(), 0, Durability::none));
    must(co_await file->truncate(block_size + 100));
    const auto back = AlignedBuffer::allocate(4 * block_size);
    EXPECT_EQ(must(co_await file->read(back.bytes(), 0)), block_size + 100);
    EXPECT_EQ(must(co_await file->read(back.bytes(), block_size)), 100u);
    EXPECT_EQ(must(co_await file->read(back.bytes(), 2 * block_size)), 0u);
    EXPECT_EQ(must(co_await file->read(back.bytes(), 100 * block_size)), 0u);
  }
}

Task<> misaligned_direct_operations_are_refused(FileSystem& fs) {
  const auto file = co_await open_new(fs, "f", true);
  if (!file->direct()) co_return;
  EXPECT_GT(file->alignment(), 1u);
  EXPECT_LE(file->alignment(), block_size);
  const auto data = filled(2 * block_size, 'x');
  const auto odd_size = co_await file->write(data.bytes().first(100), 0, Durability::durable);
  const auto odd_place = co_await file->write(data.bytes().first(block_size), 7, Durability::none);
  EXPECT_EQ(odd_size.error().code, std::errc::invalid_argument);
  EXPECT_EQ(odd_place.error().code, std::errc::invalid_argument);
  EXPECT_EQ(odd_place.error().context, "write f");
  EXPECT_EQ(must(co_await file->size()), 0u);
}

Task<> parts_are_laid_end_to_end(FileSystem& fs) {
  const auto file = co_await open_new(fs, "f", true);
  std::vector<AlignedBuffer> buffers;
  std::vector<Bytes> parts;
  std::string expected;
  for (std::size_t i = 0; i < write_parts_max; ++i) {
    buffers.push_back(filled(block_size, static_cast<char>('!' + i)));
    parts.push_back(buffers.back().bytes());
    expected.append(block_size, static_cast<char>('!' + i));
  }
  auto writing = file->write_parts(parts, 0, Durability::durable);
  parts.clear();  // the span may go before the write is awaited
  must(co_await std::move(writing));
  EXPECT_EQ(co_await read_text(*file, 0, expected.size()), expected);
  const std::vector<Bytes> nothing(3);
  must(co_await file->write_parts(nothing, 0, Durability::durable));
  must(co_await file->write(Bytes(), 0, Durability::none));
  EXPECT_EQ(must(co_await file->size()), expected.size());
}

Task<> zeros_are_written(FileSystem& fs) {
  const auto file = co_await open_new(fs, "f", true);
  constexpr std::uint64_t length = 20 * 1024 * 1024 + block_size;  // more than one step takes
  const auto data = filled(2 * block_size, 'x');
  must(co_await file->write(data.bytes(), 0, Durability::none));
  must(co_await file->write_zeros(block_size, length, Durability::none));
  EXPECT_EQ(must(co_await file->size()), length + block_size);
  must(co_await file->write_zeros(block_size, block_size, Durability::durable));
  must(co_await file->write_zeros(0, 0, Durability::durable));
  const std::string text = co_await read_text(*file, 0, 3 * block_size);
  EXPECT_EQ(text, std::string(block_size, 'x') + std::string(2 * block_size, '\0'));
}

Task<> space_is_reserved(FileSystem& fs) {
  const auto file = co_await open_new(fs, "f", true);
  must(co_await file->allocate(0, 1 << 20, Allocation::keep_size));
  EXPECT_EQ(must(co_await file->size()), 0u);
  EXPECT_GE(must(co_await fs.stat("f")).allocated_bytes, 1u << 20);
  must(co_await file->allocate(0, 1 << 20, Allocation::extend));
  EXPECT_EQ(must(co_await file->size()), 1u << 20);
  EXPECT_EQ(co_await read_text(*file, 8 * block_size, 4), std::string(4, '\0'));
  must(co_await file->sync());
}

Task<> files_are_cut_and_grow(FileSystem& fs) {
  const auto file = co_await open_new(fs, "f", false);
  must(co_await file->write(as_bytes("0123456789"), 0, Durability::none));
  must(co_await file->truncate(4));
  must(co_await file->truncate(6));
  EXPECT_EQ(co_await read_text(*file, 0, 10), std::string("0123\0\0", 6));
  must(co_await file->sync());
}

Task<> open_modes_differ(FileSystem& fs) {
  const auto missing = co_await fs.open("a", {.mode = OpenMode::read_write});
  EXPECT_TRUE(is_not_found(missing.error()));
  EXPECT_THAT(missing.error().context, ::testing::HasSubstr("open "));
  must(co_await fs.open("a", {.mode = OpenMode::create_new}));
  const auto again = co_await fs.open("a", {.mode = OpenMode::create_new});
  EXPECT_EQ(again.error().code, std::errc::file_exists);
  const auto same = must(co_await fs.open("a", {.mode = OpenMode::create}));
  must(co_await same->write(as_bytes("x"), 0, Durability::none));
  const auto reader = must(co_await fs.open("a", {.mode = OpenMode::read_only}));
  EXPECT_EQ(co_await read_text(*reader, 0, 5), "x");
  const auto refused = co_await reader->write(as_bytes("y"), 0, Durability::none);
  EXPECT_FALSE(refused);
}

Task<> paths_stay_inside_the_root(FileSystem& fs) {
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", ".."}) {
    const auto opened = co_await fs.open(path, {.mode = OpenMode::create});
    EXPECT_EQ(opened.error().code, std::errc::invalid_argument) << path;
    EXPECT_FALSE(co_await fs.remove(path)) << path;
    EXPECT_FALSE(co_await fs.rename(path, "y")) << path;
    EXPECT_FALSE(co_await fs.make_directory(path)) << path;
  }
  must(co_await fs.open("a..b", {.mode = OpenMode::create}));
}

Task<> directories_are_made_listed_and_removed(FileSystem& fs) {
  must(co_await fs.make_directories("a/b/c"));
  must(co_await fs.make_directories("a/b/c"));
  const auto twice = co_await fs.make_directory("a");
  EXPECT_EQ(twice.error().code, std::errc::file_exists);
  const auto orphan = co_await fs.make_directory("no/parent");
  EXPECT_TRUE(is_not_found(orphan.error()));
  must(co_await fs.open("a/z", {.mode = OpenMode::create}));
  must(co_await fs.open("a/f", {.mode = OpenMode::create}));
  const DirectoryEntry b{"b", EntryKind::directory};
  const DirectoryEntry f{"f", EntryKind::file};
  const DirectoryEntry z{"z", EntryKind::file};
  EXPECT_THAT(must(co_await fs.list("a")), ElementsAre(b, f, z));
  const DirectoryEntry a{"a", EntryKind::directory};
  EXPECT_THAT(must(co_await fs.list("")), ElementsAre(a));
  EXPECT_EQ(must(co_await fs.stat("a/b")).kind, EntryKind::directory);
  const auto full = co_await fs.remove_directory("a/b");
  EXPECT_EQ(full.error().code, std::errc::directory_not_empty);
  must(co_await fs.sync_directory("a"));
  must(co_await fs.sync_directory(""));
  must(co_await fs.remove_all("a"));
  must(co_await fs.remove_all("a"));
  EXPECT_FALSE(must(co_await fs.exists("a")));
  EXPECT_FALSE(must(co_await fs.exists("a/b")));
}

Task<> names_move(FileSystem& fs) {
  must(co_await fs.make_directory("d"));
  const auto file = co_await open_new(fs, "old", false);
  must(co_await file->write(as_bytes("new content"), 0, Durability::none));
  const auto target = co_await open_new(fs, "d/name", false);
  must(co_await target->write(as_bytes("stale"), 0, Durability::none));
  must(co_await fs.rename("old", "d/name"));
  EXPECT_FALSE(must(co_await fs.exists("old")));
  const auto renamed = must(co_await fs.open("d/name", {.mode = OpenMode::read_only}));
  EXPECT_EQ(co_await read_text(*renamed, 0, 50), "new content");
  // Whoever has the replaced file open keeps it.
  EXPECT_EQ(co_await read_text(*target, 0, 50), "stale");
  const auto missing = co_await fs.rename("old", "x");
  EXPECT_TRUE(is_not_found(missing.error()));
  must(co_await fs.rename("d", "e"));
  EXPECT_EQ(must(co_await fs.stat("e/name")).size, 11u);
}

Task<> removed_files_live_while_open(FileSystem& fs) {
  const auto file = co_await open_new(fs, "f", false);
  must(co_await file->write(as_bytes("still here"), 0, Durability::none));
  must(co_await fs.remove("f"));
  const auto again = co_await fs.remove("f");
  EXPECT_TRUE(is_not_found(again.error()));
  EXPECT_EQ(co_await read_text(*file, 0, 50), "still here");
}

Task<> space_is_reported(FileSystem& fs) {
  const auto space = must(co_await fs.space());
  EXPECT_GT(space.total_bytes, 0u);
  EXPECT_LE(space.free_bytes, space.total_bytes);
  EXPECT_FALSE(fs.backend().name.empty());
  EXPECT_FALSE(fs.backend().reason.empty());
  EXPECT_FALSE(fs.type().name.empty());
  EXPECT_NE(fs.type().kind, FileSystemKind::network);
}

Task<> closed_files_are_gone(FileSystem& fs) {
  const auto file = co_await open_new(fs, "f", false);
  must(co_await file->close());
  EXPECT_FALSE(co_await file->close());
  EXPECT_FALSE(co_await file->size());
  EXPECT_EQ(file->path(), "f");
}

}  // namespace

const Named scenarios[] = {
    {"WritesAreReadBack", writes_are_read_back},
    {"CachedFilesTakeAnyAlignment", cached_files_take_any_alignment},
    {"ReadsStopAtTheEnd", reads_stop_at_the_end},
    {"MisalignedDirectOperationsAreRefused", misaligned_direct_operations_are_refused},
    {"PartsAreLaidEndToEnd", parts_are_laid_end_to_end},
    {"ZerosAreWritten", zeros_are_written},
    {"SpaceIsReserved", space_is_reserved},
    {"FilesAreCutAndGrow", files_are_cut_and_grow},
    {"OpenModesDiffer", open_modes_differ},
    {"PathsStayInsideTheRoot", paths_stay_inside_the_root},
    {"DirectoriesAreMadeListedAndRemoved", directories_are_made_listed_and_removed},
    {"NamesMove", names_move},
    {"RemovedFilesLiveWhileOpen", removed_files_live_while_open},
    {"SpaceIsReported", space_is_reported},
    {"ClosedFilesAreGone", closed_files_are_gone},
};
const std::size_t scenario_count = std::size(scenarios);

}  // namespace sluice::storage::contract
