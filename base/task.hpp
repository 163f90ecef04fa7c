// Coroutines of the project: Task<T> runs on one shard's io_context and is resumed only there.
//
// Rules (style.md 3.5): the operand of co_await holds only names, scalars, views and calls;
// coroutines are named functions or captureless lambdas; a task that is spawned takes values; after
// each co_await anything not owned by the frame may have changed.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice {

namespace asio = boost::asio;

// A concrete executor, not any_io_executor: no allocation and no virtual call a resumption.
using Executor = asio::io_context::executor_type;
template <class T = void>
using Task = asio::awaitable<T, Executor>;
// auto [ec, n] = co_await socket.async_read_some(buffer, use_task);
using UseTask = asio::as_tuple_t<asio::use_awaitable_t<Executor>>;
inline constexpr UseTask use_task{};

}  // namespace sluice
