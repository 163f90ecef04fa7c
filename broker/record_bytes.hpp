// The bytes of the records that internal topics hold, as Kafka's coordinators write them:
// big-endian integers, strings and bytes with a length before them (compact: an unsigned varint,
// length + 1; -1 or 0 is null), tagged fields. Sans-IO.
#pragma once

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "broker/group_types.hpp"

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::broker {

class RecordWriter {
 public:
  template <std::integral T>
  void put(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof value);
    store_big_endian(out_.data() + at, value);
  }
  void put_varint(std::uint32_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<std::byte>(value | 0x80));
    out_.push_back(static_cast<std::byte>(value));
  }
  void put_raw(Bytes bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void put_string(std::string_view text) {
    SLUICE_CHECK(text.size() <= std::numeric_limits<std::int16_t>::max());
    put(static_cast<std::int16_t>(text.size()));
    put_raw(as_bytes(text));
  }
  void put_nullable(const std::optional<std::string>& text) {
    text ? put_string(*text) : put(std::int16_t{-1});
  }
  void put_compact_string(std::string_view text) {
    put_varint(static_cast<std::uint32_t>(text.size() + 1));
    put_raw(as_bytes(text));
  }
  void put_bytes(Bytes bytes) {
    SLUICE_CHECK(bytes.size() <= std::numeric_limits<std::int32_t>::max());
    put(static_cast<std::int32_t>(bytes.size()));
    put_raw(bytes);
  }
  template <std::integral T>
  void put_tag(std::uint32_t tag, T value) {
    put_varint(tag);
    put_varint(sizeof value);
    put(value);
  }
  void put_tag(std::uint32_t tag, Bytes value) {
    put_varint(tag);
    put_varint(static_cast<std::uint32_t>(value.size()));
    put_raw(value);
  }
  Blob take() { return std::move(out_); }

 private:
  Blob out_;
};

// Sticky: once something does not fit, everything after it reads as empty and ok() is false.
class RecordReader {
 public:
  explicit RecordReader(Bytes in) : in_(in) {}

  template <std::integral T>
  T get() {
    const Bytes raw = get_raw(sizeof(T));
    return raw.empty() ? T{} : load_big_endian<T>(raw.data());
  }
  std::uint32_t get_varint() {
    std::uint32_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const auto octet = static_cast<std::uint32_t>(get<std::uint8_t>());
      if (shift == 28 && octet > 0x0f) break;
      value |= (octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  Bytes get_raw(std::size_t size) {
    if (!ok_ || size > in_.size()) {
      ok_ = false;
      return {};
    }
    const Bytes result = in_.first(size);
    in_ = in_.subspan(size);
    return result;
  }
  std::optional<std::string> get_nullable(bool compact) {
    const std::int64_t size = compact ? std::int64_t{get_varint()} - 1 : get<std::int16_t>();
    if (size < 0) return std::nullopt;
    return std::string(as_text(get_raw(static_cast<std::size_t>(size))));
  }
  std::string get_string(bool compact) {
    auto text = get_nullable(compact);
    if (!text) ok_ = false;
    return std::move(text).value_or(std::string());
  }
  Blob get_blob(bool compact) {
    const std::int64_t size = get_size(compact);
    if (size < 0) {
      ok_ = false;
      return {};
    }
    const Bytes raw = get_raw(static_cast<std::size_t>(size));
    return Blob(raw.begin(), raw.end());
  }
  // Length of an array or of bytes; -1 null.
  std::int64_t get_size(bool compact) {
    return compact ? std::int64_t{get_varint()} - 1 : get<std::int32_t>();
  }
  // Calls field(tag, bytes) for each tagged field.
  template <class Field>
  void get_tagged(Field field) {
    for (std::uint32_t count = get_varint(); ok_ && count > 0; --count) {
      const std::uint32_t tag = get_varint();
      field(tag, get_raw(get_varint()));
    }
  }
  void skip_tagged() {
    get_tagged([](std::uint32_t, Bytes) {});
  }
  bool ok() const { return ok_; }
  void fail() { ok_ = false; }
  bool done() const { return ok_ && in_.empty(); }
  std::size_t left() const { return in_.size(); }

 private:
  Bytes in_;
  bool ok_ = true;
};

}  // namespace sluice::broker
