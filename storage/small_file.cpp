#include "storage/small_file.hpp"

#include "storage/format.hpp"

#include <cerrno>

namespace sluice::storage {

Task<Result<std::vector<std::byte>>> read_small_file(FileSystem& files, std::string path,
                                                     std::size_t size_max) {
  const OpenOptions options{.mode = OpenMode::read_only};
  auto file = co_await files.open(path, options);
  if (!file) co_return std::unexpected(file.error());
  const auto size = co_await (*file)->size();
  if (!size) co_return std::unexpected(size.error());
  if (*size > size_max) co_return fail_errno(EFBIG, path);
  std::vector<std::byte> data(static_cast<std::size_t>(*size));
  const auto got = co_await (*file)->read(data, 0);
  if (!got) co_return std::unexpected(got.error());
  data.resize(*got);
  co_return data;
}

namespace {
Task<Result<>> write_and_close(FileSystem& files, std::string path,
                               const std::vector<std::byte>& data, Durability durability) {
  const OpenOptions options{.mode = OpenMode::create};
  auto file = co_await files.open(path, options);
  if (!file) co_return std::unexpected(file.error());
  auto cut = co_await (*file)->truncate(0);
  if (!cut) co_return std::unexpected(cut.error());
  auto written = co_await (*file)->write(data, 0, Durability::none);
  if (!written) co_return std::unexpected(written.error());
  if (durability == Durability::durable) {
    auto synced = co_await (*file)->sync();
    if (!synced) co_return std::unexpected(synced.error());
  }
  co_return co_await (*file)->close();
}
}  // namespace

Task<Result<>> write_small_file(FileSystem& files, std::string path, std::vector<std::byte> data) {
  co_return co_await write_and_close(files, path, data, Durability::none);
}

Task<Result<>> replace_small_file(FileSystem& files, std::string directory, std::string name,
                                  std::vector<std::byte> data) {
  const std::string path = directory.empty() ? name : directory + "/" + name;
  const std::string temporary = path + std::string(temporary_suffix);
  auto written = co_await write_and_close(files, temporary, data, Durability::durable);
  if (!written) co_return std::unexpected(written.error());
  auto renamed = co_await files.rename(temporary, path);
  if (!renamed) co_return std::unexpected(renamed.error());
  co_return co_await files.sync_directory(directory);
}

}  // namespace sluice::storage
