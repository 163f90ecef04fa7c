#include "broker/reply_sender.hpp"

#include "storage/page_cache.hpp"

#include <boost/asio/post.hpp>

#include <cerrno>
#include <sys/sendfile.h>
#include <sys/socket.h>

namespace sluice::broker {

Task<bool> ReplySender::send() {
  while (!plan_.done()) {
    const SendPlan::Step step = plan_.next();
    if (!step.file.empty() && loaded_.empty() &&
        !storage::is_resident(step.file.descriptor, step.file.position, step.file.size)) {
      if (!co_await load(step.file)) co_return false;
    }
    const std::ptrdiff_t sent = send_step(step);
    if (sent == -EINTR) continue;
    if (sent == -EAGAIN) {
      auto [error] = co_await socket_.async_wait(asio::socket_base::wait_write, use_task);
      if (error) co_return false;
      continue;
    }
    if (sent <= 0) co_return false;  // 0: a file that is shorter than it was
    progress_ = true;
    if (!loaded_.empty()) loaded_ = loaded_.subspan(static_cast<std::size_t>(sent));
    plan_.advance(static_cast<std::size_t>(sent));
    if (!plan_.done())
      co_await asio::post(socket_.get_executor(), asio::use_awaitable_t<Executor>{});
  }
  co_return true;
}

std::ptrdiff_t ReplySender::send_step(const SendPlan::Step& step) {
  const int socket = socket_.native_handle();
  const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (step.more ? MSG_MORE : 0);
  std::ptrdiff_t sent = 0;
  if (!loaded_.empty()) {
    sent = ::send(socket, loaded_.data(), loaded_.size(), flags);
  } else if (step.file.empty()) {
    msghdr message{};
    message.msg_iov = step.memory.data();
    message.msg_iovlen = step.memory.size();
    sent = ::sendmsg(socket, &message, flags);
  } else {
    off_t position = step.file.position;
    sent = ::sendfile(socket, step.file.descriptor, &position, step.file.size);
  }
  return sent < 0 ? -errno : sent;
}

Task<bool> ReplySender::load(FileRange range) {
  if (buffer_.size() < range.size) buffer_ = storage::AlignedBuffer::allocate(range.size);
  const MutableBytes into = buffer_.bytes().first(range.size);
  const auto got = co_await files_.read_descriptor(range.descriptor, into,
                                                   static_cast<std::uint64_t>(range.position));
  if (!got || *got != range.size) co_return false;
  loaded_ = into;
  co_return true;
}

}  // namespace sluice::broker
