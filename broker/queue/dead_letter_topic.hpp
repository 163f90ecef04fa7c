// Which dead-letter topic a share group's records go to, and whether it may be used. Sans-IO.
// Source: KIP-1191, and our rules beyond it (broker/queue/README.md).
#pragma once

#include "broker/catalog.hpp"

#include <string>
#include <string_view>

namespace sluice::broker {

struct Options;

inline constexpr std::string_view group_dead_letter_key = "errors.deadletterqueue.topic.name";
inline constexpr std::string_view topic_dead_letter_key = "sluice.deadletter.topic.name";

// The group's own setting, which may be empty on purpose, else the topic's. Empty: none.
std::string dead_letter_topic_of(const Catalog& catalog, std::string_view group,
                                 const Topic& source);

struct DeadLetterRoute {
  std::string_view to;      // the dead-letter topic
  std::string_view source;  // the topic whose records go there; empty: not known
};

// Why records may not go that way, as a sentence that says what to do; empty: they may. A topic
// that is missing is no fault where it would be created.
std::string dead_letter_fault(const Catalog& catalog, const Options& options,
                              const DeadLetterRoute& route);

}  // namespace sluice::broker
