// Makes AnyMessage of a slice of the APIs; include only in any_message_*.cpp.
#pragma once

#include "protocol/codec.hpp"
#include "protocol/messages/all.hpp"
#include "tests/support/any_message.hpp"

#include <tuple>
#include <utility>

namespace sluice::test {

template <protocol::Message M>
class MessageOf final : public AnyMessage {
 public:
  void fill(FillSource& values, protocol::Version v) override {
    Filler{values, v, M::schema.flexible.contains(v)}.fill(message_);
  }
  protocol::WireError encode(protocol::Version v, std::vector<std::byte>& out) const override {
    return protocol::encode(message_, v, out);
  }
  protocol::WireError encode(protocol::Version v, protocol::GatherBuffer& out) const override {
    return protocol::encode(message_, v, out);
  }
  std::size_t encoded_size(protocol::Version v) const override {
    return protocol::encoded_size(message_, v);
  }
  protocol::WireError decode(Bytes frame, protocol::Version v) override {
    return protocol::decode(frame, v, message_);
  }
  bool same(const AnyMessage& other) const override {
    return protocol::same(message_, static_cast<const MessageOf&>(other).message_);
  }

 private:
  M message_;
};

template <protocol::Message M>
MessageType type_of(bool request) {
  return {.key = protocol::api_key_of<M>,
          .request = request,
          .versions = M::schema.versions,
          .make = []() -> std::unique_ptr<AnyMessage> { return std::make_unique<MessageOf<M>>(); }};
}

template <class... A>
std::tuple<A...> as_tuple(protocol::ApiList<A...>);
using ApiTuple = decltype(as_tuple(protocol::Apis{}));

// Appends the messages of the APIs in quarter `Quarter` (0 to 3) of the list.
template <std::size_t Quarter>
void append_quarter(std::vector<MessageType>& out) {
  constexpr std::size_t all = std::tuple_size_v<ApiTuple>;
  constexpr std::size_t first = all * Quarter / 4;
  constexpr std::size_t last = all * (Quarter + 1) / 4;
  const auto append = [&]<class A>(A*) {
    out.push_back(type_of<typename A::Request>(true));
    out.push_back(type_of<typename A::Response>(false));
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (append(static_cast<std::tuple_element_t<first + I, ApiTuple>*>(nullptr)), ...);
  }(std::make_index_sequence<last - first>{});
}

extern template void append_quarter<0>(std::vector<MessageType>&);
extern template void append_quarter<1>(std::vector<MessageType>&);
extern template void append_quarter<2>(std::vector<MessageType>&);
extern template void append_quarter<3>(std::vector<MessageType>&);

}  // namespace sluice::test
