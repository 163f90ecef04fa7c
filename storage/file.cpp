#include "storage/file.hpp"

#include <cerrno>

namespace sluice::storage {

Task<Result<>> File::write(Bytes data, std::uint64_t position, Durability durability) {
  const Bytes one[] = {data};
  return write_parts(one, position, durability);
}

bool is_out_of_space(const Error& error) {
  return error.code == std::errc::no_space_on_device || error.code == std::errc::file_too_large ||
         (error.code.category() == std::system_category() && error.code.value() == EDQUOT);
}

bool is_not_found(const Error& error) { return error.code == std::errc::no_such_file_or_directory; }

}  // namespace sluice::storage
