// One connection that is a member of a share group and takes the records of one partition: each
// fetch acknowledges what the one before it brought.
#pragma once

#include "protocol/ids.hpp"
#include "protocol/messages/share_fetch.hpp"
#include "tools/sluice/bench_socket.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::bench {

// What a member asks for.
struct ShareWish {
  TopicId topic;
  PartitionIndex partition = 0;
  std::int32_t records = 500;
  std::int32_t bytes = 50 << 20;
  std::int32_t max_wait_ms = 500;
  // Of a hundred records so many are released when they come for the first time.
  int released_percent = 0;
};

inline bool is_released_once(Offset offset, int released_percent) {
  return offset % 100 < released_percent;
}

// Offsets [first, last], taken for the `deliveries`th time.
using Taken = protocol::ShareFetchResponse::AcquiredRecords;

struct ShareReply {
  std::vector<Taken> taken;
  std::size_t bytes = 0;  // of the batches that came with it
  // Records of earlier replies that are accepted for good now; of these, those that came once.
  std::uint64_t accepted = 0;
  std::uint64_t accepted_at_once = 0;
};

class ShareConnection {
 public:
  ShareConnection(Descriptor fd, const ShareWish& wish, std::string member);

  int fd() const { return fd_.get(); }
  bool waiting() const { return waiting_; }
  std::int64_t sent_at() const { return sent_at_; }
  // Nothing it was given is still to be acknowledged.
  bool idle() const { return !waiting_ && acknowledging_.empty(); }

  // Begins with this group, in a new session. Requires: idle().
  void join(std::string group);
  // Acknowledges and asks for more. Requires: !waiting().
  Result<> send(std::int64_t now);
  Result<> go_on() { return out_.flush(fd_.get()); }
  // Reads what has arrived; the reply once it is whole. Errors: the broker's,
  // Errc::malformed_response, ::disconnected.
  Result<std::optional<ShareReply>> read();

 private:
  using Acknowledgement = protocol::ShareFetchRequest::AcknowledgementBatch;

  Result<ShareReply> accept(Bytes frame);
  void acknowledge(const Taken& taken);

  Descriptor fd_;
  ShareWish wish_;
  std::string member_;
  std::string group_;
  std::int32_t epoch_ = 0;
  std::vector<Acknowledgement> acknowledging_;
  std::uint64_t accepting_ = 0;
  std::uint64_t accepting_at_once_ = 0;
  std::vector<std::byte> frame_;
  Outgoing out_;
  bool waiting_ = false;
  std::int32_t id_ = 0;
  std::int64_t sent_at_ = 0;
  std::vector<std::byte> in_;
  std::size_t have_ = 0;
};

}  // namespace sluice::bench
