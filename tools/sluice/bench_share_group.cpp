#include "tools/sluice/bench_share_group.hpp"

#include "protocol/frame.hpp"
#include "protocol/messages/find_coordinator.hpp"
#include "sluice/error.hpp"

#include <algorithm>
#include <poll.h>

namespace sluice::bench {
namespace {

constexpr std::int64_t answer_ns_max = 30'000'000'000;
constexpr std::int64_t join_ns_max = 30'000'000'000;
constexpr int pause_ms = 50;
constexpr int ms_ns = 1'000'000;
constexpr std::int16_t coordinator_version = 4;
constexpr std::int16_t heartbeat_version = 1;

// What is over by itself once the broker has made and loaded the topics of its groups.
bool is_passing(const Error& error) {
  return error.code.category() == broker_category() && retriable(error);
}

}  // namespace

Result<ShareGroup> ShareGroup::join(const std::string& address, std::string group,
                                    std::string topic, const TopicId& topic_id,
                                    std::vector<std::string> members) {
  auto fd = connect_to(address);
  if (!fd) return std::unexpected(fd.error());
  ShareGroup joined(std::move(*fd), std::move(group), std::move(topic), topic_id);
  for (std::string& id : members) joined.members_.push_back({.id = std::move(id)});
  const std::int64_t deadline = now_ns() + join_ns_max;
  for (Member& member : joined.members_)
    if (const auto done = joined.until_joined(member, deadline); !done)
      return std::unexpected(done.error());
  return joined;
}

Result<> ShareGroup::until_joined(Member& member, std::int64_t deadline) {
  for (;;) {
    auto said = member.epoch == 0 ? find_coordinator() : Result<>{};
    if (said) said = heartbeat(member);
    if (!said && !is_passing(said.error())) return said;
    if (member.has_partition) return {};
    if (now_ns() > deadline)
      return said ? fail(Errc::timed_out, "a member of a share group gets no partition") : said;
    ::poll(nullptr, 0, pause_ms);
  }
}

Result<> ShareGroup::keep(std::int64_t now) {
  if (now < next_) return {};
  for (Member& member : members_)
    if (const auto said = heartbeat(member); !said && !is_passing(said.error())) return said;
  return {};
}

Result<> ShareGroup::find_coordinator() {
  protocol::FindCoordinatorRequest request;
  request.coordinator_keys.push_back(group_);
  const auto reply =
      call<protocol::FindCoordinatorResponse>(request, coordinator_version, "find the coordinator");
  if (!reply) return std::unexpected(reply.error());
  for (const auto& found : reply->coordinators)
    if (found.error_code != protocol::ErrorCode::none)
      return fail(make_error_code(found.error_code), "find the coordinator");
  return {};
}

Result<> ShareGroup::heartbeat(Member& member) {
  protocol::ShareGroupHeartbeatRequest request;
  request.group_id = group_;
  request.member_id = member.id;
  request.member_epoch = member.epoch;
  if (member.epoch == 0) request.subscribed_topic_names.emplace(1, topic_);
  const auto reply = call<protocol::ShareGroupHeartbeatResponse>(request, heartbeat_version,
                                                                 "share group heartbeat");
  if (!reply) return std::unexpected(reply.error());
  if (reply->error_code != protocol::ErrorCode::none)
    return fail(make_error_code(reply->error_code), "share group heartbeat");
  member.epoch = reply->member_epoch;
  next_ = now_ns() + std::int64_t{reply->heartbeat_interval_ms} * ms_ns;
  if (!reply->assignment) return {};
  const auto& topics = reply->assignment->topic_partitions;
  member.has_partition =
      std::ranges::any_of(topics, [this](const auto& one) { return one.topic_id == topic_id_; });
  return {};
}

// The reply borrows in_.
template <class Reply, class Request>
Result<Reply> ShareGroup::call(const Request& request, std::int16_t version, const char* what) {
  out_.clear();
  auto error = protocol::encode_request(request, version, ++id_, "sluice-bench", out_);
  if (error != protocol::WireError::none) return fail(protocol::make_error_code(error), what);
  if (const auto done = send_and_receive(what); !done) return std::unexpected(done.error());
  protocol::ResponseFrame response;
  Reply reply;
  error = protocol::parse_response(in_, *protocol::find_api(protocol::api_key_of<Request>), version,
                                   response);
  if (error == protocol::WireError::none) error = protocol::decode(response.body, version, reply);
  if (error != protocol::WireError::none || response.correlation_id != id_)
    return fail(Errc::malformed_response, what);
  return reply;
}

Result<> ShareGroup::send_and_receive(const char* what) {
  constexpr std::size_t prefix = sizeof(std::int32_t);
  Outgoing out;
  out.set(out_, {});
  in_.assign(prefix, {});
  std::size_t have = 0;
  const std::int64_t deadline = now_ns() + answer_ns_max;
  while (have < in_.size()) {
    if (const auto sent = out.flush(fd_.get()); !sent) return sent;
    const auto got = receive(fd_.get(), MutableBytes(in_).subspan(have));
    if (!got) return std::unexpected(got.error());
    have += *got;
    if (*got == 0) {
      pollfd one{.fd = fd_.get(), .events = static_cast<short>(out.empty() ? POLLIN : POLLOUT)};
      if (now_ns() > deadline) return fail(Errc::timed_out, what);
      ::poll(&one, 1, pause_ms);
    } else if (have == prefix && in_.size() == prefix) {
      const auto size = std::max(0, load_big_endian<std::int32_t>(in_.data()));
      in_.resize(prefix + static_cast<std::size_t>(size));
    }
  }
  in_.erase(in_.begin(), in_.begin() + prefix);
  return {};
}

}  // namespace sluice::bench
