#include "tools/sluice/bench_fetcher.hpp"

#include "sluice/error.hpp"
#include "tools/sluice/bench_connection.hpp"

#include <algorithm>

namespace sluice::bench {

Result<> FetchConnection::send(std::int64_t offset, std::int64_t now) {
  out_.set(frame_.at(offset, ++id_), {});
  have_ = 0;
  waiting_ = true;
  sent_at_ = now;
  return out_.flush(fd_.get());
}

Result<std::optional<FetchReply>> FetchConnection::read() {
  constexpr std::size_t prefix = sizeof(std::int32_t);
  while (waiting_) {
    const auto got = receive(fd_.get(), MutableBytes(in_).subspan(have_));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return std::optional<FetchReply>{};
    have_ += *got;
    if (have_ < prefix) continue;
    const auto size =
        static_cast<std::size_t>(std::max(0, load_big_endian<std::int32_t>(in_.data())));
    if (size + prefix > in_.size()) in_.resize(size + prefix);  // a first batch may be larger
    if (have_ < size + prefix) continue;
    waiting_ = false;
    const auto reply = parse_fetch_reply(Bytes(in_).subspan(prefix, size));
    if (!reply || reply->correlation_id != id_)
      return fail(Errc::malformed_response, "reply to a fetch request");
    if (reply->error != 0) return refused(reply->error, "fetch");
    return reply;
  }
  return std::optional<FetchReply>{};
}

}  // namespace sluice::bench
