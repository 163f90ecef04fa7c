// An error ends the program.
#pragma once

#include "sluice/result.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sluice::bench {

inline void must(const Result<>& result, const char* what) {
  if (result) return;
  std::fprintf(stderr, "%s: %s\n", what, result.error().message().c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result, const char* what) {
  must(result ? Result<>{} : Result<>{std::unexpected(result.error())}, what);
  return std::move(*result);
}

}  // namespace sluice::bench
