// Runs one task to its end on a real io_context, for tests of what waits on the machine itself.
#pragma once

#include "base/check.hpp"
#include "base/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace sluice {

template <class T>
T run_task(asio::io_context& io, Task<T> task) {
  std::optional<T> result;
  asio::co_spawn(io, std::move(task), [&result](std::exception_ptr failed, T value) {
    if (failed) std::rethrow_exception(failed);
    result.emplace(std::move(value));
  });
  io.restart();
  while (!result) SLUICE_CHECK(io.run_one() > 0);
  return std::move(*result);
}

inline void run_task(asio::io_context& io, Task<> task) {
  bool ended = false;
  asio::co_spawn(io, std::move(task), [&ended](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
    ended = true;
  });
  io.restart();
  while (!ended) SLUICE_CHECK(io.run_one() > 0);
}

}  // namespace sluice
