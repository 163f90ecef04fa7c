// Describes a Kafka message as data: one row a field. No code generation, no macros.
//
// A message is a plain struct plus a function, fields(row), that calls `row` once a field, in wire
// order. Every operation on messages (encode, decode, measure, compare) is one visitor of those
// rows; see encoder.hpp and decoder.hpp. The C++ type gives the wire type, the member initialiser
// the default. Types do not recurse, so the nesting of a message is bounded by its description.
//
// Source of truth: clients/src/main/resources/common/message/*.json of Apache Kafka.
#pragma once

#include "base/bytes.hpp"
#include "protocol/ids.hpp"
#include "protocol/record_data.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sluice::protocol {

using Version = std::int16_t;
using sluice::Bytes;

// A closed range of versions, spelled as in Kafka's schemas: "3", "0-4", "3+" or "none".
struct Versions {
  static constexpr Version newest = std::numeric_limits<Version>::max();

  Version first = 1;
  Version last = 0;

  constexpr Versions() = default;  // empty
  consteval Versions(const char* text) {
    std::string_view rest{text};
    if (rest == "none") return;
    const auto number = [&rest] {
      if (rest.empty() || rest[0] < '0' || rest[0] > '9') throw "a version is a decimal number";
      int value = 0;
      for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1))
        value = value * 10 + (rest[0] - '0');
      return static_cast<Version>(value);
    };
    first = last = number();
    if (rest.empty()) return;
    if (rest == "+") {
      last = newest;
      return;
    }
    if (rest[0] != '-') throw "expected N, N+ or N-M";
    rest.remove_prefix(1);
    last = number();
    if (!rest.empty() || last < first) throw "expected N-M with N <= M";
  }
  constexpr bool contains(Version v) const { return first <= v && v <= last; }
  constexpr bool empty() const { return last < first; }
};

// Tags and API keys from here on are ours: no message of Kafka has them.
inline constexpr std::int16_t own_numbers = 10'000;

struct FieldOptions {
  Versions versions = "0+";    // on the wire in these
  Versions nullable = "none";  // may be null in these; the member is a std::optional
  int tag = -1;                // >= 0: a tagged field, absent when it holds its default
  bool ignorable = false;      // may be dropped when the version lacks it
};

// One row, as a visitor sees it.
template <class M, class T>
struct Field {
  using value_type = T;
  std::string_view name;
  T M::* member;
  FieldOptions options;
};

// What fields() calls; hands each row to `visit`.
template <class Visitor>
struct Rows {
  Visitor& visit;
  template <class M, class T>
  constexpr void operator()(std::string_view name, T M::* member, FieldOptions options = {}) const {
    visit(Field<M, T>{name, member, options});
  }
};

struct Schema {
  std::int16_t api_key = -1;  // -1: a message of no API, such as a stored record
  Versions versions;
  Versions flexible = "none";
  Versions advertised = "none";  // what ApiVersions tells where that is not `versions`
};

struct AnyRow {
  void operator()(std::string_view, auto, FieldOptions = {}) const;
};
template <class T>
concept Described = requires(AnyRow row) { T::fields(row); };
template <class T>
concept Message = Described<T> && requires { Schema{T::schema}; };

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <Described M, class Visitor>
constexpr void for_each_field(Visitor&& visit) {
  M::fields(Rows<std::remove_reference_t<Visitor>>{visit});
}

template <Described M>
constexpr bool has_tags() {
  bool found = false;
  for_each_field<M>([&](const auto& field) { found = found || field.options.tag >= 0; });
  return found;
}

template <Described M>
constexpr bool well_formed(Versions flexible);

// The type of a field without its optional and vector: what may be described in turn.
template <class T>
constexpr bool inner_well_formed(Versions flexible) {
  if constexpr (is_optional<T> || is_vector<T>)
    return inner_well_formed<typename T::value_type>(flexible);
  else if constexpr (Described<T>)
    return well_formed<T>(flexible);
  else
    return true;
}

// The rules each description must meet, checked while compiling: a nullable field is an optional,
// tags are few, exist only in flexible versions, and are listed in ascending order.
template <Described M>
constexpr bool well_formed(Versions flexible) {
  bool good = true;
  int last_tag = -1;
  int tags = 0;
  for_each_field<M>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::value_type;
    const FieldOptions o = field.options;
    good = good && !o.versions.empty() && is_optional<T> != o.nullable.empty();
    if (o.tag >= 0) {
      good = good && ++tags <= 64 && o.tag > last_tag && !flexible.empty();
      last_tag = o.tag;
    }
    good = good && inner_well_formed<T>(flexible);
  });
  return good;
}
template <Message M>
constexpr bool well_formed() {
  return !M::schema.versions.empty() && well_formed<M>(M::schema.flexible);
}

// Whether two values of a field are equal, field by field; record data by its bytes.
template <class T>
bool same(const T& a, const T& b);

template <class T>
bool same_elements(const T& a, const T& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return false;
  return true;
}

bool same_records(const Records& a, const Records& b);

template <class T>
bool same(const T& a, const T& b) {
  if constexpr (Described<T>) {
    bool equal = true;
    for_each_field<T>(
        [&](const auto& field) { equal = equal && same(a.*field.member, b.*field.member); });
    return equal;
  } else if constexpr (is_vector<T>) {
    return same_elements(a, b);
  } else if constexpr (is_optional<T>) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return as_text(a) == as_text(b);
  } else if constexpr (std::is_same_v<T, Records>) {
    return same_records(a, b);
  } else if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);  // NaN equals NaN
  } else {
    return a == b;
  }
}

}  // namespace sluice::protocol
