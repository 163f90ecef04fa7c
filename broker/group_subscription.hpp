// The one thing a broker reads in the blobs of the consumer protocol: which topics a member is
// subscribed to. Needed for OffsetDelete and for the expiry of offsets.
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::broker {

// The topics of a ConsumerProtocolSubscription of any version (version 0 is a prefix of all:
// version i16, topics array of strings, user data). nullopt: it is none.
std::optional<std::vector<std::string>> subscribed_topics(Bytes metadata);

}  // namespace sluice::broker
