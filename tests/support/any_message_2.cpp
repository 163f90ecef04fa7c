#include "tests/support/any_message_instances.hpp"

namespace sluice::test {
template void append_quarter<2>(std::vector<MessageType>&);
}  // namespace sluice::test
