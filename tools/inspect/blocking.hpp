// Runs one task of the storage layer to its end, on a loop of its own: for tools that have nothing
// else to do meanwhile.
#pragma once

#include "base/result.hpp"
#include "base/task.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace sluice::inspect {

// Throws what the task throws (out of memory).
template <class T>
Result<T> run_blocking(Task<Result<T>> task) {
  asio::io_context loop(1);
  std::optional<Result<T>> outcome;
  asio::co_spawn(loop.get_executor(), std::move(task),
                 [&outcome](const std::exception_ptr& thrown, Result<T> result) {
                   if (thrown) std::rethrow_exception(thrown);
                   outcome = std::move(result);
                 });
  loop.run();
  return std::move(*outcome);
}

}  // namespace sluice::inspect
