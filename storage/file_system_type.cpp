#include "storage/file_system_type.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <sys/vfs.h>

namespace sluice::storage {
namespace {

struct Known {
  std::uint32_t magic;
  FileSystemKind kind;
  const char* name;
};

// statfs(2), linux/magic.h; of those with no line there, the file system's own source.
constexpr std::array known = std::to_array<Known>({
    {0xef53, FileSystemKind::local, "ext4"},
    {0x58465342, FileSystemKind::local, "xfs"},
    {0x9123683e, FileSystemKind::local, "btrfs"},
    {0xf2f52010, FileSystemKind::local, "f2fs"},
    {0x2fc12fc1, FileSystemKind::local, "zfs"},
    {0xca451a4e, FileSystemKind::local, "bcachefs"},
    {0x3153464a, FileSystemKind::local, "jfs"},
    {0x52654973, FileSystemKind::local, "reiserfs"},
    {0x01021994, FileSystemKind::memory, "tmpfs"},
    {0x858458f6, FileSystemKind::memory, "ramfs"},
    {0x794c7630, FileSystemKind::overlay, "overlayfs"},
    {0x65735546, FileSystemKind::fuse, "fuse"},
    {0x6969, FileSystemKind::network, "nfs"},
    {0xff534d42, FileSystemKind::network, "cifs"},
    {0xfe534d42, FileSystemKind::network, "smb2"},
    {0x517b, FileSystemKind::network, "smb"},
    {0x00c36400, FileSystemKind::network, "ceph"},
    {0x5346414f, FileSystemKind::network, "afs"},
    {0x0bd00bd0, FileSystemKind::network, "lustre"},
    {0x47504653, FileSystemKind::network, "gpfs"},
    {0x01161970, FileSystemKind::network, "gfs2"},
    {0x7461636f, FileSystemKind::network, "ocfs2"},
    {0x01021997, FileSystemKind::network, "9p"},
    {0x786f4256, FileSystemKind::network, "vboxsf"},
});

}  // namespace

FileSystemType file_system_type_of(std::uint64_t magic) {
  const auto number = static_cast<std::uint32_t>(magic);
  for (const auto& entry : known) {
    if (entry.magic == number) return {entry.kind, entry.name};
  }
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", number);
  return {FileSystemKind::unknown, text};
}

Result<FileSystemType> file_system_type(int descriptor) {
  struct statfs status{};
  if (::fstatfs(descriptor, &status) != 0) return fail_errno(errno, "fstatfs");
  return file_system_type_of(static_cast<std::uint64_t>(status.f_type));
}

}  // namespace sluice::storage
