#include "sluice/error.hpp"

#include "client/stale.hpp"

namespace sluice {
namespace {

class ClientCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "sluice.client"; }
  std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::timed_out:
        return "timed out";
      case Errc::unreachable:
        return "no broker can be reached";
      case Errc::disconnected:
        return "the broker closed the connection";
      case Errc::unsupported:
        return "the broker does not support this request";
      case Errc::malformed_response:
        return "the broker's answer cannot be understood";
      case Errc::invalid_argument:
        return "invalid argument";
      case Errc::unknown_topic:
        return "unknown topic or partition";
      case Errc::record_too_large:
        return "record too large";
      case Errc::buffer_full:
        return "the send buffer stayed full";
      case Errc::corrupt_batch:
        return "a fetched batch is corrupt";
      case Errc::no_offset:
        return "no committed offset, and no reset policy";
      case Errc::closed:
        return "closed";
      case Errc::cancelled:
        return "cancelled";
    }
    return "error " + std::to_string(value);
  }
};

// "UNKNOWN_TOPIC_OR_PARTITION" -> "unknown topic or partition"
std::string in_words(std::string_view name) {
  std::string words(name);
  for (char& c : words) {
    if (c == '_') c = ' ';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return words;
}

class BrokerCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "sluice.broker"; }
  std::string message(int value) const override {
    return in_words(to_string(static_cast<ErrorCode>(value))) + " (error " + std::to_string(value) +
           ")";
  }
};

}  // namespace

const std::error_category& client_category() {
  static const ClientCategory category;
  return category;
}

const std::error_category& broker_category() {
  static const BrokerCategory category;
  return category;
}

bool retriable(const std::error_code& code) {
  if (code.category() == broker_category())
    return is_retriable(static_cast<ErrorCode>(code.value()));
  if (code.category() == client_category()) {
    const auto own = static_cast<Errc>(code.value());
    return own == Errc::disconnected || own == Errc::timed_out || own == Errc::unreachable ||
           own == Errc::corrupt_batch;
  }
  return code.category() == std::system_category();  // sockets: refused, reset, …
}

namespace client {

bool means_stale_metadata(const std::error_code& code) {
  if (code.category() != broker_category()) return retriable(code);
  using enum ErrorCode;
  switch (static_cast<ErrorCode>(code.value())) {
    case unknown_topic_or_partition:
    case leader_not_available:
    case not_leader_or_follower:
    case replica_not_available:
    case kafka_storage_error:
    case fenced_leader_epoch:
    case unknown_leader_epoch:
    case unknown_topic_id:
    case inconsistent_topic_id:
    case not_controller:
    case not_coordinator:
      return true;
    default:
      return false;
  }
}

}  // namespace client
}  // namespace sluice
