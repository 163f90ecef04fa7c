// The version of the broker, as --version and /metrics tell it.
#pragma once

#include <string_view>

namespace sluice::broker {

inline constexpr std::string_view version = "0.1.0";

}  // namespace sluice::broker
