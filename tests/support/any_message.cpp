#include "tests/support/any_message.hpp"

#include "tests/support/any_message_instances.hpp"

namespace sluice::test {

std::vector<MessageType> all_messages() {
  std::vector<MessageType> types;
  append_quarter<0>(types);
  append_quarter<1>(types);
  append_quarter<2>(types);
  append_quarter<3>(types);
  return types;
}

}  // namespace sluice::test
