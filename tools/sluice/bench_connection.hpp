// One connection that produces: requests out, replies in, their times in between.
#pragma once

#include "sluice/error.hpp"
#include "tools/sluice/bench_frames.hpp"
#include "tools/sluice/bench_socket.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace sluice::bench {

class ProduceConnection {
 public:
  ProduceConnection(Descriptor fd, const std::string& topic, std::vector<std::int32_t> partitions,
                    std::int16_t acks, std::size_t batch_size);

  int fd() const { return fd_.get(); }
  // Requests without an answer; the one that is on its way out is among them.
  std::size_t in_flight() const { return sent_at_.size(); }
  bool sending() const { return !out_.empty(); }
  // Starts to send a batch. Requires: !sending(), and `batch` stays as it is while sending().
  Result<> send(Bytes batch, std::int64_t counted_from_ns);
  // Goes on sending what the socket did not take.
  Result<> go_on() { return out_.flush(fd_.get()); }

  // Reads replies; calls done(sent_at_ns, reply) for each. Errors: the broker's.
  template <class Done>
  Result<> read(Done&& done) {
    for (;;) {
      const auto space = in_.size() - have_;
      const auto got = receive(fd_.get(), MutableBytes(in_).subspan(have_));
      if (!got) return std::unexpected(got.error());
      have_ += *got;
      std::size_t used = 0;
      while (const auto frame = whole_frame(used)) {
        const auto reply = accept(*frame);
        if (!reply) return std::unexpected(reply.error());
        const auto at = sent_at_.front();
        sent_at_.pop_front();
        done(at, *reply);
        used += sizeof(std::int32_t) + frame->size();
      }
      std::copy(in_.begin() + static_cast<std::ptrdiff_t>(used),
                in_.begin() + static_cast<std::ptrdiff_t>(have_), in_.begin());
      have_ -= used;
      if (*got < space) return {};  // the socket is empty
    }
  }

 private:
  std::optional<Bytes> whole_frame(std::size_t from) const;
  Result<ProduceReply> accept(Bytes frame);

  Descriptor fd_;
  std::vector<ProduceHead> heads_;  // one a partition, in turn
  std::size_t turn_ = 0;
  bool answered_;
  Outgoing out_;
  std::int32_t next_id_ = 0;
  std::int32_t answered_id_ = 0;
  std::deque<std::int64_t> sent_at_;
  std::vector<std::byte> in_;
  std::size_t have_ = 0;
};

// "LEADER_NOT_AVAILABLE" and the like as an Error of the request that got it.
std::unexpected<Error> refused(std::int16_t code, const std::string& request);

}  // namespace sluice::bench
