#include "broker/group_subscription.hpp"

#include <cstdint>

namespace sluice::broker {

std::optional<std::vector<std::string>> subscribed_topics(Bytes metadata) {
  if (metadata.size() < 6) return std::nullopt;
  if (load_big_endian<std::int16_t>(metadata.data()) < 0) return std::nullopt;
  const auto count = load_big_endian<std::int32_t>(metadata.data() + 2);
  metadata = metadata.subspan(6);
  // Each topic takes two bytes at least, so the count cannot make us reserve more than arrived.
  if (count < 0 || static_cast<std::size_t>(count) > metadata.size() / 2) return std::nullopt;
  std::vector<std::string> topics;
  topics.reserve(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) {
    if (metadata.size() < 2) return std::nullopt;
    const auto length = load_big_endian<std::int16_t>(metadata.data());
    metadata = metadata.subspan(2);
    if (length < 0 || static_cast<std::size_t>(length) > metadata.size()) return std::nullopt;
    const auto name = metadata.first(static_cast<std::size_t>(length));
    topics.emplace_back(as_text(name));
    metadata = metadata.subspan(name.size());
  }
  // The user data: nullable bytes, checked as Kafka does, and not read.
  if (metadata.size() < 4) return std::nullopt;
  const auto length = load_big_endian<std::int32_t>(metadata.data());
  if (length > 0 && static_cast<std::size_t>(length) > metadata.size() - 4) return std::nullopt;
  return topics;
}

}  // namespace sluice::broker
