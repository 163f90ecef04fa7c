// Any message behind one interface, so that a test over all of them is compiled once, not once a
// message. The instances are spread over any_message_*.cpp to be compiled in parallel.
#pragma once

#include "protocol/api.hpp"
#include "protocol/gather.hpp"
#include "protocol/wire_error.hpp"
#include "tests/support/fill.hpp"

#include <memory>
#include <vector>

namespace sluice::test {

class AnyMessage {
 public:
  virtual ~AnyMessage() = default;
  // Fills the fields that `version` has.
  virtual void fill(FillSource& values, protocol::Version version) = 0;
  virtual protocol::WireError encode(protocol::Version, std::vector<std::byte>& out) const = 0;
  virtual protocol::WireError encode(protocol::Version, protocol::GatherBuffer& out) const = 0;
  virtual std::size_t encoded_size(protocol::Version) const = 0;
  virtual protocol::WireError decode(Bytes frame, protocol::Version) = 0;
  // Requires: of the same type.
  virtual bool same(const AnyMessage& other) const = 0;
};

struct MessageType {
  protocol::ApiKey key;
  bool request;  // or response
  protocol::Versions versions;
  std::unique_ptr<AnyMessage> (*make)();  // with its defaults
};

// Requests and responses of all APIs.
std::vector<MessageType> all_messages();

}  // namespace sluice::test
