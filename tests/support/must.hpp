// must(result): the value, or the end of the test program with the error's text.
#pragma once

#include "base/result.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sluice {

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "must: %s\n", result.error().message().c_str());
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace sluice
