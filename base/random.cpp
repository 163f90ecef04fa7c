#include "base/random.hpp"

#include "base/check.hpp"

#include <sys/random.h>

namespace sluice {

std::uint64_t SystemRandom::next() {
  std::uint64_t bits = 0;
  // getrandom(2) of up to 256 bytes is never short and, once the pool is ready, never fails.
  SLUICE_CHECK(getrandom(&bits, sizeof bits, 0) == sizeof bits);
  return bits;
}

}  // namespace sluice
