// Fills any message by a rule that repeats: numbers in order for golden frames, random values for
// properties. The rule of golden frames is told in tests/golden/protocol/README.md.
#pragma once

#include "base/random.hpp"
#include "protocol/schema.hpp"

#include <deque>
#include <limits>
#include <string>

namespace sluice::test {

// What the strings and bytes of a filled message borrow from. Addresses stay as it grows.
class TextPool {
 public:
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

 private:
  std::deque<std::string> texts_;
};

enum class FillMode : char { full = 'f', nulls = 'n', elements = 'e' };

// The rule of the golden frames.
class GoldenValues {
 public:
  GoldenValues(TextPool& pool, FillMode mode) : pool_(pool), mode_(mode) {}

  // Whether the next field that may be null is null; whether the next field keeps its default.
  bool null() { return mode_ == FillMode::nulls; }
  bool keep_default() { return mode_ == FillMode::elements; }
  std::size_t elements() { return mode_ == FillMode::full ? 2 : 1; }
  bool boolean() { return next() != 0; }
  template <class T>
  T number() {
    if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(next()) + 0.5;
    else
      return static_cast<T>(next());
  }
  std::string_view text() { return pool_.keep("s" + std::to_string(next())); }
  Bytes bytes() {
    return as_bytes(pool_.keep({static_cast<char>(next()), '\0', static_cast<char>(0xff)}));
  }
  Bytes records() {
    return as_bytes(pool_.keep({static_cast<char>(next()), '\1', '\2', '\3', '\4'}));
  }
  Uuid uuid() {
    const std::uint64_t n = next();
    Uuid id;
    store_big_endian(id.octets.data(), n);
    store_big_endian(id.octets.data() + 8, ~n);
    return id;
  }

 private:
  std::uint64_t next() { return ++counter_; }

  TextPool& pool_;
  FillMode mode_;
  std::uint64_t counter_ = 0;
};

// Anything that the type can hold, with a taste for the ends of its range.
class RandomValues {
 public:
  RandomValues(TextPool& pool, Random& random) : pool_(pool), random_(random) {}

  bool null() { return random_.below(4) == 0; }
  bool keep_default() { return random_.below(8) == 0; }
  std::size_t elements() { return random_.below(4); }
  bool boolean() { return random_.below(2) != 0; }
  template <class T>
  T number() {
    switch (random_.below(6)) {
      case 0:
        return std::numeric_limits<T>::max();
      case 1:
        return std::numeric_limits<T>::lowest();
      case 2:
        return static_cast<T>(random_.below(3));
      default:
        return static_cast<T>(random_.next());
    }
  }
  std::string_view text() {
    std::string text(random_.below(8) == 0 ? random_.below(400) : random_.below(6), ' ');
    for (char& c : text) c = static_cast<char>(random_.next());
    return pool_.keep(std::move(text));
  }
  Bytes bytes() { return as_bytes(text()); }
  Bytes records() { return as_bytes(text()); }
  Uuid uuid() {
    Uuid id;
    if (random_.below(4) == 0) return id;
    for (std::byte& octet : id.octets) octet = static_cast<std::byte>(random_.next());
    return id;
  }

 private:
  TextPool& pool_;
  Random& random_;
};

// Fills the fields of a message that one version has.
template <class Values>
class Filler {
 public:
  Filler(Values& values, protocol::Version version, bool flexible)
      : values_(values), version_(version), flexible_(flexible) {}

  template <protocol::Described M>
  void fill(M& message) {
    const auto pass = [&](bool tagged) {
      protocol::for_each_field<M>([&](const auto& field) {
        const protocol::FieldOptions o = field.options;
        if ((o.tag >= 0) == tagged && o.versions.contains(version_))
          fill_value(message.*field.member, o.nullable.contains(version_));
      });
    };
    pass(false);
    if (flexible_) pass(true);
  }

 private:
  template <class T>
  void fill_value(T& v, bool nullable) {
    if constexpr (protocol::is_optional<T>) {
      fill_optional(v, nullable);
    } else if constexpr (protocol::is_vector<T>) {
      fill_vector(v);
    } else if constexpr (protocol::Described<T>) {
      fill(v);
    } else if (std::is_same_v<T, protocol::Records> || !values_.keep_default()) {
      v = leaf<T>();
    }
  }

  template <class T>
  void fill_optional(T& v, bool nullable) {
    using U = typename T::value_type;
    if constexpr (std::is_same_v<U, protocol::Records>) {
      v = leaf<U>();
    } else if (nullable && values_.null()) {
      v.reset();
    } else if constexpr (protocol::is_vector<U>) {
      fill_vector(v.emplace());
    } else if constexpr (protocol::Described<U>) {
      if (!values_.keep_default()) fill(v.emplace(U{}));
    } else if (!values_.keep_default()) {
      v = leaf<U>();
    }
  }

  template <class T>
  void fill_vector(std::vector<T>& v) {
    v.clear();
    for (std::size_t n = values_.elements(); n != 0; --n) {
      if constexpr (protocol::Described<T>)
        fill(v.emplace_back());
      else if (!values_.keep_default())
        v.push_back(leaf<T>());
    }
  }

  template <class T>
  T leaf() {
    if constexpr (std::is_enum_v<T>)
      return static_cast<T>(values_.template number<std::underlying_type_t<T>>());
    else if constexpr (std::is_same_v<T, bool>)
      return values_.boolean();
    else if constexpr (std::is_arithmetic_v<T>)
      return values_.template number<T>();
    else if constexpr (std::is_same_v<T, std::string_view>)
      return values_.text();
    else if constexpr (std::is_same_v<T, Bytes>)
      return values_.bytes();
    else if constexpr (std::is_same_v<T, protocol::Records>)
      return protocol::Records{values_.records()};
    else
      return values_.uuid();
  }

  Values& values_;
  protocol::Version version_;
  bool flexible_;
};

template <protocol::Message M, class Values>
M filled(Values& values, protocol::Version version) {
  M message;
  Filler<Values>{values, version, M::schema.flexible.contains(version)}.fill(message);
  return message;
}

}  // namespace sluice::test
