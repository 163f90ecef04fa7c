// The one error type and the one result type of the project.
//
// An operation that may fail returns Result<T>. There is no TRY macro: write
//   if (!r) return std::unexpected(r.error());
// Context is added once, where the path, offset or option is known.
#pragma once

#include <expected>
#include <string>
#include <system_error>
#include <utility>

namespace sluice {

struct Error {
  std::error_code code;
  std::string context;  // what was being done and to what: "open /var/lib/x: segment 00…12.log"

  // "CONTEXT: MESSAGE", for people.
  std::string message() const {
    return context.empty() ? code.message() : context + ": " + code.message();
  }
  // Whether this is that error: error.is(Errc::timed_out).
  template <class Code>
  bool is(Code value) const {
    return code == make_error_code(value);
  }
};

template <class T = void>
struct [[nodiscard]] Result : std::expected<T, Error> {
  using std::expected<T, Error>::expected;
};

inline std::unexpected<Error> fail(std::error_code code, std::string context = {}) {
  return std::unexpected(Error{code, std::move(context)});
}
// `number` is an errno value.
inline std::unexpected<Error> fail_errno(int number, std::string context = {}) {
  return fail(std::error_code(number, std::system_category()), std::move(context));
}

}  // namespace sluice
