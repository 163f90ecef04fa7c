#include "tests/support/any_message_instances.hpp"

namespace sluice::test {
template void append_quarter<3>(std::vector<MessageType>&);
}  // namespace sluice::test
