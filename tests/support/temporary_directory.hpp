// A directory that is gone, with all in it, when the test ends.
#pragma once

#include "base/check.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdlib.h>
#include <string>
#include <system_error>

namespace sluice {

// Where tests keep data: $SLUICE_TEST_DIR, which chooses the file system, else where the machine
// keeps temporary files.
inline std::filesystem::path test_directory() {
  const char* chosen = std::getenv("SLUICE_TEST_DIR");
  return chosen != nullptr ? std::filesystem::path(chosen) : std::filesystem::temp_directory_path();
}

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::filesystem::path& parent = test_directory()) {
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
