// One connection that fetches one partition, a request at a time, into one buffer.
#pragma once

#include "tools/sluice/bench_frames.hpp"
#include "tools/sluice/bench_socket.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::bench {

class FetchConnection {
 public:
  FetchConnection(Descriptor fd, const std::string& topic, std::int32_t partition,
                  std::size_t fetch_bytes, std::int32_t max_wait_ms)
      : fd_(std::move(fd)),
        frame_(topic, partition, static_cast<std::int32_t>(fetch_bytes), max_wait_ms),
        partition_(partition),
        in_(fetch_bytes + 64 * std::size_t{1024}) {}

  int fd() const { return fd_.get(); }
  std::int32_t partition() const { return partition_; }
  bool waiting() const { return waiting_; }
  std::int64_t sent_at() const { return sent_at_; }

  // Asks for what is at `offset` and behind. Requires: !waiting().
  Result<> send(std::int64_t offset, std::int64_t now);
  Result<> go_on() { return out_.flush(fd_.get()); }
  // Reads what has arrived; the reply once it is whole. Its records borrow from the buffer until
  // the next send(). Errors: the broker's, Errc::malformed_response, ::disconnected.
  Result<std::optional<FetchReply>> read();

 private:
  Descriptor fd_;
  FetchFrame frame_;
  std::int32_t partition_;
  Outgoing out_;
  bool waiting_ = false;
  std::int32_t id_ = 0;
  std::int64_t sent_at_ = 0;
  std::vector<std::byte> in_;
  std::size_t have_ = 0;
};

}  // namespace sluice::bench
