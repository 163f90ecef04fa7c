#include "tools/sluice/bench_connection.hpp"

namespace sluice::bench {

ProduceConnection::ProduceConnection(Descriptor fd, const std::string& topic,
                                     std::vector<std::int32_t> partitions, std::int16_t acks,
                                     std::size_t batch_size)
    : fd_(std::move(fd)), answered_(acks != 0), in_(16 * 1024) {
  for (const auto partition : partitions) heads_.emplace_back(topic, partition, acks, batch_size);
}

Result<> ProduceConnection::send(Bytes batch, std::int64_t counted_from_ns) {
  ProduceHead& head = heads_[turn_++ % heads_.size()];
  out_.set(head.with_correlation(next_id_), batch);
  if (answered_) {
    ++next_id_;
    sent_at_.push_back(counted_from_ns);
  }
  return out_.flush(fd_.get());
}

std::optional<Bytes> ProduceConnection::whole_frame(std::size_t from) const {
  constexpr std::size_t prefix = sizeof(std::int32_t);
  if (have_ - from < prefix) return {};
  const auto size =
      static_cast<std::size_t>(std::max(0, load_big_endian<std::int32_t>(in_.data() + from)));
  if (have_ - from - prefix < size) return {};
  return Bytes(in_).subspan(from + prefix, size);
}

Result<ProduceReply> ProduceConnection::accept(Bytes frame) {
  const auto reply = parse_produce_reply(frame);
  if (!reply || sent_at_.empty() || reply->correlation_id != answered_id_)
    return fail(Errc::malformed_response, "reply to a produce request");
  ++answered_id_;
  if (reply->error != 0) return refused(reply->error, "produce");
  return *reply;
}

std::unexpected<Error> refused(std::int16_t code, const std::string& request) {
  return fail(broker_error(code), request);
}

}  // namespace sluice::bench
