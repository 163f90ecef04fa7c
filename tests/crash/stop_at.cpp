// Preloaded into a program: kills it before its n-th change of what files are called or say in
// place
// ($STOP_AT = n), as a kill between two of its steps does. Writes to files that have no name yet,
// or are not in their place yet, are not counted.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <dlfcn.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

void count() {
  static const char* const at = std::getenv("STOP_AT");
  static std::atomic<long> left{at != nullptr ? std::atol(at) : 0};
  if (left > 0 && --left == 0) ::kill(::getpid(), SIGKILL);
}

template <class Function>
Function next_of(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" int rename(const char* from, const char* to) {
  static const auto real = next_of<int (*)(const char*, const char*)>("rename");
  count();
  return real(from, to);
}

extern "C" int unlink(const char* path) {
  static const auto real = next_of<int (*)(const char*)>("unlink");
  count();
  return real(path);
}

extern "C" ssize_t pwritev2(int file, const iovec* parts, int n, off_t at, int flags) {
  static const auto real = next_of<ssize_t (*)(int, const iovec*, int, off_t, int)>("pwritev2");
  count();
  return real(file, parts, n, at, flags);
}
