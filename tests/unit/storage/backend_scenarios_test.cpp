// The scenarios of backend_scenarios.hpp.
#include "tests/unit/storage/backend_scenarios.hpp"

#include "storage/aligned_buffer.hpp"
#include "tests/support/must.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <memory>
#include <string_view>
#include <sys/resource.h>

namespace sluice::storage {
namespace {

AlignedBuffer filled(std::size_t size, int fill) {
  auto buffer = AlignedBuffer::allocate(size);
  std::memset(buffer.data(), fill, buffer.size());
  return buffer;
}

Task<std::unique_ptr<File>> new_file(FileSystem& fs, bool direct) {
  co_return must(co_await fs.open("f", {.mode = OpenMode::create, .direct = direct}));
}

struct Progress {
  int begun = 0;
  int ended = 0;
};

Task<> write_block(std::shared_ptr<File> file, int index, Progress& progress) {
  ++progress.begun;
  const auto data = filled(block_size, index);
  const auto position = static_cast<std::uint64_t>(index) * block_size;
  must(co_await file->write(data.bytes(), position, Durability::durable));
  ++progress.ended;
}

Task<> wait_for_all(FileSystem& fs) { co_await fs.close(); }

Task<int> count_wrong_blocks(File& file, int blocks) {
  int wrong = 0;
  const auto data = AlignedBuffer::allocate(block_size);
  for (int i = 0; i < blocks; ++i) {
    const auto position = static_cast<std::uint64_t>(i) * block_size;
    must(co_await file.read(data.bytes(), position));
    const auto expected = filled(block_size, i);
    wrong += std::memcmp(data.data(), expected.data(), block_size) == 0 ? 0 : 1;
  }
  co_return wrong;
}

void spawn(asio::io_context& io, Task<> task) {
  asio::co_spawn(io, std::move(task), asio::detached);
}

}  // namespace

void many_at_once(FileSystemOptions options) {
  constexpr int blocks = 200;
  const TemporaryDirectory root;
  asio::io_context io{1};
  const auto fs = must(run_task(io, open_file_system(root.string(), options)));
  const std::shared_ptr<File> file = run_task(io, new_file(*fs, true));
  Progress progress;
  for (int i = 0; i < blocks; ++i) spawn(io, write_block(file, i, progress));
  io.restart();
  io.run();  // ends by itself: nothing is watched when nothing is in flight
  EXPECT_EQ(progress.ended, blocks);
  EXPECT_EQ(run_task(io, count_wrong_blocks(*file, blocks)), 0);
}

void destroyed_in_flight(FileSystemOptions options) {
  const TemporaryDirectory root;
  Progress progress;
  asio::io_context io{1};
  auto fs = must(run_task(io, open_file_system(root.string(), options)));
  std::shared_ptr<File> file = run_task(io, new_file(*fs, true));
  for (int i = 0; i < 20; ++i) spawn(io, write_block(file, i, progress));
  io.restart();
  while (progress.begun < 20) io.run_one();
  file.reset();
  fs.reset();
  EXPECT_LE(progress.ended, 20);
}

void close_waits(FileSystemOptions options) {
  const TemporaryDirectory root;
  Progress progress;
  asio::io_context io{1};
  auto fs = must(run_task(io, open_file_system(root.string(), options)));
  const std::shared_ptr<File> file = run_task(io, new_file(*fs, true));
  for (int i = 0; i < 20; ++i) spawn(io, write_block(file, i, progress));
  io.restart();
  while (progress.begun < 20) io.run_one();
  run_task(io, wait_for_all(*fs));
  EXPECT_EQ(progress.ended, 20);
  run_task(io, wait_for_all(*fs));  // again, with nothing in flight
}

int short_write_is_an_error(const char* backend) {
  // Bytes a file may have: two blocks and a half.
  constexpr rlim_t limit = 2 * block_size + block_size / 2;
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit bound{limit, limit};
  FileSystemOptions options;
  options.backend = std::string_view(backend) == "threads" ? Backend::threads : Backend::io_uring;
  const TemporaryDirectory root;
  asio::io_context io{1};
  const auto fs = run_task(io, open_file_system(root.string(), options));
  if (!fs) return 77;
  const auto file = run_task(io, new_file(**fs, false));
  if (::setrlimit(RLIMIT_FSIZE, &bound) != 0) return 2;
  const auto data = filled(4 * block_size, 'x');
  const auto written = run_task(io, file->write(data.bytes(), 0, Durability::durable));
  if (written) return 3;
  if (!is_out_of_space(written.error())) return 4;
  const auto size = run_task(io, file->size());
  return size && *size == limit ? 0 : 5;  // it was cut short, not refused
}

void errors_are_reported(FileSystemOptions options) {
  const TemporaryDirectory root;
  asio::io_context io{1};
  const auto fs = must(run_task(io, open_file_system(root.string(), options)));
  const auto directory = must(run_task(io, fs->open("", {.mode = OpenMode::read_only})));
  const auto buffer = AlignedBuffer::allocate(block_size);
  const auto read = run_task(io, directory->read(buffer.bytes(), 0));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, std::errc::is_a_directory);
  const auto gone = run_task(io, fs->remove("missing"));
  ASSERT_FALSE(gone);
  EXPECT_TRUE(is_not_found(gone.error()));
  const auto file = run_task(io, new_file(*fs, false));
  const auto negative = run_task(io, file->truncate(std::uint64_t{1} << 63));
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().code, std::errc::invalid_argument);
}

}  // namespace sluice::storage
