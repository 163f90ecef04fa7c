// Describes a Kafka message as data: one row a field. No code generation, no macros.
//
// A message is a plain struct plus a function, fields(row), that calls `row` once a field, in wire
// order. Every operation on messages (encode, decode, measure, check, print) is one visitor of
// those rows; see codec.hpp. The C++ type gives the wire type, the member initialiser the default.
//
// Source of truth: clients/src/main/resources/common/message/*.json of Apache Kafka.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sluice::protocol {

using Version = std::int16_t;

struct Uuid {
  std::array<std::byte, 16> octets{};
  friend bool operator==(const Uuid&, const Uuid&) = default;
};

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
    if (rest == "+") { last = newest; return; }
    if (rest[0] != '-') throw "expected N, N+ or N-M";
    rest.remove_prefix(1);
    last = number();
    if (!rest.empty() || last < first) throw "expected N-M with N <= M";
  }
  constexpr bool contains(Version v) const { return first <= v && v <= last; }
  constexpr bool empty() const { return last < first; }
};

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
  T M::*member;
  FieldOptions options;
};

// What fields() calls; hands each row to `visit`.
template <class Visitor>
struct Rows {
  Visitor& visit;
  template <class M, class T>
  constexpr void operator()(std::string_view name, T M::*member, FieldOptions options = {}) const {
    visit(Field<M, T>{name, member, options});
  }
};

struct Schema {
  std::int16_t api_key;
  Versions versions;
  Versions flexible = "none";
};

struct AnyRow { void operator()(std::string_view, auto, FieldOptions = {}) const; };
template <class T> concept Described = requires(AnyRow row) { T::fields(row); };
template <class T> concept Message = Described<T> && requires { Schema{T::schema}; };

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;
template <class T> inline constexpr bool is_vector = false;
template <class T> inline constexpr bool is_vector<std::vector<T>> = true;

template <Described M, class Visitor>
constexpr void for_each_field(Visitor&& visit) { M::fields(Rows<Visitor>{visit}); }

// The rules each description must meet, checked while compiling (see encode and decode).
template <Described M>
constexpr bool well_formed(Versions flexible) {
  bool good = true;
  std::uint64_t tags = 0;
  for_each_field<M>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::value_type;
    const FieldOptions o = field.options;
    good = good && !o.versions.empty() && is_optional<T> != o.nullable.empty();
    if (o.tag >= 0) {  // tags are small, unique, and exist only in flexible versions
      good = good && o.tag < 64 && !flexible.empty() && (tags >> o.tag & 1) == 0;
      tags |= std::uint64_t{1} << o.tag;
    }
    if constexpr (Described<T>) good = good && well_formed<T>(flexible);
    if constexpr (is_vector<T>)
      if constexpr (Described<typename T::value_type>)
        good = good && well_formed<typename T::value_type>(flexible);
  });
  return good;
}
template <Message M>
constexpr bool well_formed() { return !M::schema.versions.empty() && well_formed<M>(M::schema.flexible); }

}  // namespace sluice::protocol
