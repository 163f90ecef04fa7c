// SLUICE_CHECK(condition): a bug of ours stops the program, in release builds too. Never for input,
// files or the network: those are errors (result.hpp).
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sluice {
[[noreturn]] inline void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: SLUICE_CHECK failed: %s\n", file, line, condition);
  std::abort();
}
}  // namespace sluice

#define SLUICE_CHECK(condition)                \
  (__builtin_expect(!!(condition), 1) ? void() \
                                      : ::sluice::check_failed(__FILE__, __LINE__, #condition))
