// Fills any message by a rule that repeats: numbers in order for golden frames, random values for
// properties. The rule of golden frames is told in tests/golden/protocol/README.md.
#pragma once

#include "base/random.hpp"
#include "protocol/schema.hpp"

#include <bit>
#include <deque>
#include <string>

namespace sluice::test {

// What the strings and bytes of a filled message borrow from. Addresses stay as it grows.
class TextPool {
 public:
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

 private:
  std::deque<std::string> texts_;
};

// Where a filler takes its values from.
class FillSource {
 public:
  virtual ~FillSource() = default;
  // Whether the next field that may be null is null; whether the next field keeps its default.
  virtual bool null() = 0;
  virtual bool keep_default() = 0;
  // Whether nullable error messages that keep their default are "", which is Kafka's, instead of
  // null, which is ours.
  virtual bool empty_error_messages() { return false; }
  // Whether tagged fields of our own (own_numbers) are filled.
  virtual bool own_fields() { return true; }
  virtual std::size_t elements() = 0;
  virtual bool boolean() = 0;
  virtual double real() = 0;
  virtual std::uint64_t integer(int bits) = 0;  // its low bits
  virtual std::string_view text() = 0;
  virtual Bytes bytes() = 0;
  virtual Bytes records() = 0;
  virtual Uuid uuid() = 0;
};

enum class FillMode : char { full = 'f', nulls = 'n', elements = 'e' };

// The rule of the golden frames.
class GoldenValues final : public FillSource {
 public:
  GoldenValues(TextPool& pool, FillMode mode, bool empty_errors)
      : pool_(pool), mode_(mode), empty_errors_(empty_errors) {}

  bool null() override { return mode_ == FillMode::nulls; }
  bool keep_default() override { return mode_ == FillMode::elements; }
  bool empty_error_messages() override { return empty_errors_; }
  bool own_fields() override { return false; }
  std::size_t elements() override { return mode_ == FillMode::full ? 2 : 1; }
  bool boolean() override { return next() != 0; }
  double real() override { return static_cast<double>(next()) + 0.5; }
  std::uint64_t integer(int) override { return next(); }
  std::string_view text() override { return pool_.keep("s" + std::to_string(next())); }
  Bytes bytes() override {
    return as_bytes(pool_.keep({static_cast<char>(next()), '\0', static_cast<char>(0xff)}));
  }
  Bytes records() override {
    return as_bytes(pool_.keep({static_cast<char>(next()), '\1', '\2', '\3', '\4'}));
  }
  Uuid uuid() override {
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
  bool empty_errors_;
  std::uint64_t counter_ = 0;
};

// Anything that the type can hold, with a taste for the ends of its range.
class RandomValues final : public FillSource {
 public:
  RandomValues(TextPool& pool, Random& random) : pool_(pool), random_(random) {}

  bool null() override { return random_.below(4) == 0; }
  bool keep_default() override { return random_.below(8) == 0; }
  std::size_t elements() override { return random_.below(4); }
  bool boolean() override { return random_.below(2) != 0; }
  double real() override { return std::bit_cast<double>(integer(64)); }
  std::uint64_t integer(int bits) override {
    const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
    switch (random_.below(6)) {
      case 0:
        return sign;
      case 1:
        return sign - 1;
      case 2:
        return random_.below(3);
      default:
        return random_.next();
    }
  }
  std::string_view text() override {
    std::string text(random_.below(8) == 0 ? random_.below(400) : random_.below(6), ' ');
    for (char& c : text) c = static_cast<char>(random_.next());
    return pool_.keep(std::move(text));
  }
  Bytes bytes() override { return as_bytes(text()); }
  Bytes records() override { return as_bytes(text()); }
  Uuid uuid() override {
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
class Filler {
 public:
  Filler(FillSource& values, protocol::Version version, bool flexible)
      : values_(values), version_(version), flexible_(flexible) {}

  template <protocol::Described M>
  void fill(M& message) {
    const auto pass = [&](bool tagged) {
      protocol::for_each_field<M>([&](const auto& field) {
        const protocol::FieldOptions o = field.options;
        if (o.tag >= protocol::own_numbers && !values_.own_fields()) return;
        if ((o.tag >= 0) == tagged && o.versions.contains(version_)) {
          if (fill_empty_error(field.name, message.*field.member)) return;
          fill_value(message.*field.member, o.nullable.contains(version_));
        }
      });
    };
    pass(false);
    if (flexible_) pass(true);
  }

 private:
  template <class T>
  bool fill_empty_error(std::string_view name, T& v) {
    if constexpr (std::is_same_v<T, std::optional<std::string_view>>) {
      if (!v && values_.empty_error_messages() && name.ends_with("ErrorMessage")) {
        v = "";
        return true;
      }
    }
    return false;
  }

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
    if constexpr (std::is_same_v<T, bool>)
      return values_.boolean();
    else if constexpr (std::is_same_v<T, double>)
      return values_.real();
    else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>)
      return static_cast<T>(values_.integer(8 * sizeof(T)));
    else if constexpr (std::is_same_v<T, std::string_view>)
      return values_.text();
    else if constexpr (std::is_same_v<T, Bytes>)
      return values_.bytes();
    else if constexpr (std::is_same_v<T, protocol::Records>)
      return protocol::Records{values_.records()};
    else
      return values_.uuid();
  }

  FillSource& values_;
  protocol::Version version_;
  bool flexible_;
};

}  // namespace sluice::test
