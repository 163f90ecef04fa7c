// The two fields of a GitHub event that the demo keys records by.
#pragma once

#include <string>
#include <string_view>

namespace sluice::cli {

struct Event {
  std::string type;        // "PushEvent"
  std::string repository;  // "square/okhttp"
};

// Reads them out of one JSON line; empty where the line has none.
Event find_event(std::string_view line);

}  // namespace sluice::cli
