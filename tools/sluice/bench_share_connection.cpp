#include "tools/sluice/bench_share_connection.hpp"

#include "base/bytes.hpp"
#include "protocol/frame.hpp"
#include "sluice/error.hpp"
#include "tools/sluice/bench_connection.hpp"

#include <algorithm>

namespace sluice::bench {
namespace {

constexpr protocol::Version version = 1;
constexpr std::int8_t accept_type = 1;
constexpr std::int8_t release_type = 2;

}  // namespace

ShareConnection::ShareConnection(Descriptor fd, const ShareWish& wish, std::string member)
    : fd_(std::move(fd)), wish_(wish), member_(std::move(member)), in_(2 << 20) {}

void ShareConnection::join(std::string group) {
  group_ = std::move(group);
  epoch_ = 0;
}

Result<> ShareConnection::send(std::int64_t now) {
  protocol::ShareFetchRequest request{.group_id = group_,
                                      .member_id = member_,
                                      .share_session_epoch = epoch_,
                                      .max_wait_ms = wish_.max_wait_ms,
                                      .min_bytes = 1,
                                      .max_bytes = wish_.bytes,
                                      .max_records = wish_.records,
                                      .batch_size = wish_.records};
  if (epoch_ == 0 || !acknowledging_.empty())
    request.topics = {{.topic_id = wish_.topic,
                       .partitions = {{.partition_index = wish_.partition,
                                       .acknowledgement_batches = std::move(acknowledging_)}}}};
  acknowledging_.clear();
  frame_.clear();
  const auto error = protocol::encode_request(request, version, ++id_, "sluice-bench", frame_);
  if (error != protocol::WireError::none)
    return fail(protocol::make_error_code(error), "share fetch");
  ++epoch_;
  waiting_ = true;
  sent_at_ = now;
  have_ = 0;
  out_.set(frame_, {});
  return out_.flush(fd_.get());
}

Result<std::optional<ShareReply>> ShareConnection::read() {
  constexpr std::size_t prefix = sizeof(std::int32_t);
  while (waiting_) {
    const auto got = receive(fd_.get(), MutableBytes(in_).subspan(have_));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return std::optional<ShareReply>{};
    have_ += *got;
    if (have_ < prefix) continue;
    const auto size =
        static_cast<std::size_t>(std::max(0, load_big_endian<std::int32_t>(in_.data())));
    if (size + prefix > in_.size()) in_.resize(size + prefix);
    if (have_ < size + prefix) continue;
    waiting_ = false;
    auto reply = accept(Bytes(in_).subspan(prefix, size));
    if (!reply) return std::unexpected(reply.error());
    return std::move(*reply);
  }
  return std::optional<ShareReply>{};
}

Result<ShareReply> ShareConnection::accept(Bytes frame) {
  const protocol::ApiInfo* api = protocol::find_api(protocol::ApiKey::share_fetch);
  protocol::ResponseFrame response;
  protocol::ShareFetchResponse message;
  auto error = protocol::parse_response(frame, *api, version, response);
  if (error == protocol::WireError::none) error = protocol::decode(response.body, version, message);
  if (error != protocol::WireError::none || response.correlation_id != id_)
    return fail(Errc::malformed_response, "reply to a share fetch");
  const auto refused_by = [](protocol::ErrorCode code, const char* what) {
    return refused(static_cast<std::int16_t>(code), what);
  };
  if (message.error_code != protocol::ErrorCode::none)
    return refused_by(message.error_code, "share fetch");
  ShareReply reply;
  reply.accepted = std::exchange(accepting_, 0);
  reply.accepted_at_once = std::exchange(accepting_at_once_, 0);
  for (auto& topic : message.responses) {
    for (auto& partition : topic.partitions) {
      if (partition.error_code != protocol::ErrorCode::none)
        return refused_by(partition.error_code, "share fetch");
      if (partition.acknowledge_error_code != protocol::ErrorCode::none)
        return refused_by(partition.acknowledge_error_code, "acknowledgement");
      if (partition.records) reply.bytes += partition.records->bytes.size();
      for (const Taken& taken : partition.acquired_records) acknowledge(taken);
      std::ranges::move(partition.acquired_records, std::back_inserter(reply.taken));
    }
  }
  return reply;
}

void ShareConnection::acknowledge(const Taken& taken) {
  const auto count = taken.last_offset - taken.first_offset + 1;
  Acknowledgement batch{taken.first_offset, taken.last_offset, {accept_type}};
  std::int64_t released = 0;
  if (wish_.released_percent > 0 && taken.delivery_count == 1) {
    batch.acknowledge_types.assign(static_cast<std::size_t>(count), accept_type);
    for (std::int64_t i = 0; i < count; ++i) {
      if (!is_released_once(taken.first_offset + i, wish_.released_percent)) continue;
      batch.acknowledge_types[static_cast<std::size_t>(i)] = release_type;
      ++released;
    }
  }
  const auto accepted = static_cast<std::uint64_t>(count - released);
  accepting_ += accepted;
  if (taken.delivery_count == 1) accepting_at_once_ += accepted;
  acknowledging_.push_back(std::move(batch));
}

}  // namespace sluice::bench
