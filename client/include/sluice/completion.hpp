// How an operation that was started without waiting reports its end: a function, and what to call
// it with. Plain enough for C; sluice/async.hpp makes Asio's completion tokens of it.
#pragma once

#include "sluice/result.hpp"

#include <utility>

namespace sluice {

// Called exactly once, in a later turn of the loop, where the client's host runs completions: on
// the thread of its Runtime; with a private loop inside a later call, on the caller's thread. Must
// not throw, and not block: blocking calls are refused there (Errc::invalid_argument).
template <class T = void>
struct Done {
  void (*function)(void* context, Result<T> result) = nullptr;
  void* context = nullptr;

  explicit operator bool() const { return function != nullptr; }
  void operator()(Result<T> result) const { function(context, std::move(result)); }
};

}  // namespace sluice
