// A file of the machine, over any IoBackend.
#pragma once

#include "storage/aligned_buffer.hpp"
#include "storage/file.hpp"
#include "storage/io_backend.hpp"

#include <memory>
#include <string>

namespace sluice::storage {

// What the files of one file system share.
struct PosixShared {
  std::unique_ptr<IoBackend> backend;
  AlignedBuffer zeros;           // all zero, for write_zeros
  bool try_write_zeroes = true;  // FALLOC_FL_WRITE_ZEROES has not been refused yet
};

class PosixFile final : public File {
 public:
  // Takes `descriptor` over. alignment > 1 says that it is direct.
  PosixFile(PosixShared& shared, int descriptor, std::string path, std::size_t alignment,
            bool direct);
  ~PosixFile() override;

  Task<Result<std::size_t>> read(MutableBytes into, std::uint64_t position) override;
  std::size_t read_resident(MutableBytes into, std::uint64_t position) override;
  bool resident(std::uint64_t position, std::uint64_t size) const override;
  Task<> bring_in(std::uint64_t position, std::uint64_t size) override;
  Task<Result<>> write_parts(std::span<const Bytes> parts, std::uint64_t position,
                             Durability durability) override;
  Task<Result<>> write_zeros(std::uint64_t position, std::uint64_t length,
                             Durability durability) override;
  Task<Result<>> sync() override;
  Task<Result<>> truncate(std::uint64_t size) override;
  Task<Result<>> allocate(std::uint64_t position, std::uint64_t length,
                          Allocation allocation) override;
  Task<Result<std::uint64_t>> size() override;
  Task<Result<>> close() override;

  std::size_t alignment() const override { return alignment_; }
  bool direct() const override { return direct_; }
  int native_handle() const override { return descriptor_; }
  const std::string& path() const override { return path_; }

 private:
  // `what` is the operation's name, for the error.
  Task<Result<>> run(IoRequest request, const char* what);
  IoRequest request(IoKind kind, std::uint64_t position) const;

  PosixShared& shared_;
  int descriptor_;
  std::string path_;
  std::size_t alignment_;
  bool direct_;
};

}  // namespace sluice::storage
