// A directory that is gone, with all in it, when the test ends.
#pragma once

#include "base/check.hpp"

#include <filesystem>
#include <stdlib.h>
#include <string>
#include <system_error>

namespace sluice {

class TemporaryDirectory {
 public:
  // Made inside `parent`; by default where the machine keeps temporary files.
  explicit TemporaryDirectory(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "sluice-test-XXXXXX").string();
    SLUICE_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string string() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace sluice
