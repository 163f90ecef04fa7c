// Members of one share group by heartbeat: Apache Kafka serves a partition only after a member that
// has it assigned has joined. They share one connection, which carries nothing else.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "protocol/messages/share_group_heartbeat.hpp"
#include "tools/sluice/bench_socket.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::bench {

class ShareGroup {
 public:
  // Joins for each of `members`, and returns when all of them have partition 0 of the topic.
  // Errors: the broker's, Errc::timed_out, ::malformed_response, ::disconnected.
  static Result<ShareGroup> join(const std::string& address, std::string group, std::string topic,
                                 const TopicId& topic_id, std::vector<std::string> members);
  // Says that they are still there, whenever that is due. Errors: as above.
  Result<> keep(std::int64_t now);

 private:
  struct Member {
    std::string id;
    std::int32_t epoch = 0;
    bool has_partition = false;
  };
  ShareGroup(Descriptor fd, std::string group, std::string topic, const TopicId& topic_id)
      : fd_(std::move(fd)),
        group_(std::move(group)),
        topic_(std::move(topic)),
        topic_id_(topic_id) {}

  // Kafka makes the topic of its groups only when it is asked for a coordinator.
  Result<> find_coordinator();
  Result<> heartbeat(Member& member);
  Result<> until_joined(Member& member, std::int64_t deadline);
  template <class Reply, class Request>
  Result<Reply> call(const Request& request, std::int16_t version, const char* what);
  Result<> send_and_receive(const char* what);

  Descriptor fd_;
  std::string group_;
  std::string topic_;
  TopicId topic_id_;
  std::vector<Member> members_;
  std::int64_t next_ = 0;
  std::int32_t id_ = 0;
  std::vector<std::byte> out_;
  std::vector<std::byte> in_;  // the frame of the last answer, without its prefix
};

}  // namespace sluice::bench
