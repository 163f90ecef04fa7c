// Finds the error codes in a reply, wherever its description has them.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <optional>
#include <type_traits>
#include <vector>

namespace sluice::broker {

// Whether a value of type T can hold an error code: what cannot is not walked.
template <class T>
constexpr bool may_hold_error() {
  if constexpr (std::is_same_v<T, protocol::ErrorCode>) {
    return true;
  } else if constexpr (protocol::is_optional<T> || protocol::is_vector<T>) {
    return may_hold_error<typename T::value_type>();
  } else if constexpr (protocol::Described<T>) {
    bool found = false;
    protocol::for_each_field<T>([&](const auto& field) {
      using Value = typename std::remove_cvref_t<decltype(field)>::value_type;
      found = found || may_hold_error<Value>();
    });
    return found;
  } else {
    return false;
  }
}

// Calls `visit(ErrorCode)` for each code in `value` that is not none.
template <class T, class Visit>
void for_each_error(const T& value, Visit&& visit) {
  if constexpr (!may_hold_error<T>()) {
    return;
  } else if constexpr (std::is_same_v<T, protocol::ErrorCode>) {
    if (value != protocol::ErrorCode::none) visit(value);
  } else if constexpr (protocol::is_optional<T>) {
    if (value) for_each_error(*value, visit);
  } else if constexpr (protocol::is_vector<T>) {
    for (const auto& element : value) for_each_error(element, visit);
  } else {
    protocol::for_each_field<T>(
        [&](const auto& field) { for_each_error(value.*field.member, visit); });
  }
}

}  // namespace sluice::broker
