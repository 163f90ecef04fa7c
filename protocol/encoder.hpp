// The one encoder of every described message. Include it only where a codec is instantiated
// (codec_instances.hpp); everyone else calls codec.hpp.
//
// Shapes: all integers are big-endian. Non-flexible lengths are int16 (string) or int32 (bytes,
// array), -1 for null; flexible lengths are an unsigned varint of length + 1, 0 for null (KIP-482).
//
// A message is visited twice: a SizeSink finds its size and every error, then a WriteSink, which
// cannot fail, writes into memory of exactly that size.
#pragma once

#include "base/check.hpp"
#include "protocol/gather.hpp"
#include "protocol/schema.hpp"
#include "protocol/wire_error.hpp"

#include <bit>
#include <cstring>
#include <string_view>

namespace sluice::protocol {

struct Context {
  Version version;
  bool flexible;
};

// Octets of `v` as an unsigned varint.
constexpr std::size_t uvarint_size(std::uint32_t v) {
  return (static_cast<std::size_t>(std::bit_width(v | 1u)) + 6) / 7;
}

constexpr bool is_spliced(const RecordsSlice& slice) {
  return !slice.file.empty() || slice.bytes.size() >= splice_bytes_min;
}

// Counts. Keeps the first error.
class SizeSink {
 public:
  explicit SizeSink(bool splices = false) : splices_(splices) {}
  WireError error() const { return error_; }
  void fail(WireError e) {
    if (error_ == WireError::none) error_ = e;
  }
  void put(const void*, std::size_t n) { size_ += n; }
  void put_uvarint(std::uint32_t v) { size_ += uvarint_size(v); }
  void put_slice(const RecordsSlice& slice) {
    SLUICE_CHECK(splices_ || slice.file.empty());
    size_ += slice.size();
    if (splices_ && is_spliced(slice)) spliced_ += slice.size();
  }
  std::size_t size() const { return size_; }
  std::size_t owned_size() const { return size_ - spliced_; }

 private:
  bool splices_;
  std::size_t size_ = 0;
  std::size_t spliced_ = 0;
  WireError error_ = WireError::none;
};

// Writes from `first` on. Requires: the memory that a SizeSink counted.
class WriteSink {
 public:
  explicit WriteSink(std::byte* first) : at_(first) {}
  // `gather` takes large slices; the memory written is the end of its owned bytes.
  WriteSink(std::byte* first, GatherBuffer& gather) : at_(first), gather_(&gather) {}
  void fail(WireError) {}
  void put(const void* data, std::size_t n) {
    if (n != 0) std::memcpy(at_, data, n);
    at_ += n;
  }
  void put_uvarint(std::uint32_t v) {
    for (; v >= 0x80; v >>= 7) *at_++ = static_cast<std::byte>(v | 0x80);
    *at_++ = static_cast<std::byte>(v);
  }
  void put_slice(const RecordsSlice& slice) {
    if (gather_ != nullptr && is_spliced(slice))
      gather_->splice(static_cast<std::size_t>(at_ - gather_->owned().data()), slice);
    else
      put(slice.bytes.data(), slice.bytes.size());
  }

 private:
  std::byte* at_;
  GatherBuffer* gather_ = nullptr;
};

template <class Length, class S>
void put_length(S& sink, Context c, std::size_t n) {
  if (n > std::numeric_limits<std::int32_t>::max() ||
      (!c.flexible && n > static_cast<std::size_t>(std::numeric_limits<Length>::max())))
    return sink.fail(WireError::too_large);
  if (c.flexible) return sink.put_uvarint(static_cast<std::uint32_t>(n + 1));
  const Length wire = big_endian(static_cast<Length>(n));
  sink.put(&wire, sizeof wire);
}
template <class Length, class S>
void put_null(S& sink, Context c) {
  if (c.flexible) return sink.put_uvarint(0);
  const Length wire = -1;
  sink.put(&wire, sizeof wire);
}

template <class S, Described M>
void encode_struct(S& sink, Context c, const M& message);

template <class S, class T>
void encode_value(S& sink, Context c, const T& v) {
  if constexpr (std::is_enum_v<T>) {
    encode_value(sink, c, static_cast<std::underlying_type_t<T>>(v));
  } else if constexpr (std::is_same_v<T, bool>) {
    const std::uint8_t wire = v;
    sink.put(&wire, 1);
  } else if constexpr (std::is_integral_v<T>) {
    const T wire = big_endian(v);
    sink.put(&wire, sizeof wire);
  } else if constexpr (std::is_same_v<T, double>) {
    encode_value(sink, c, std::bit_cast<std::uint64_t>(v));
  } else if constexpr (std::is_same_v<T, Uuid>) {
    sink.put(v.octets.data(), v.octets.size());
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    put_length<std::int16_t>(sink, c, v.size());
    sink.put(v.data(), v.size());
  } else if constexpr (std::is_same_v<T, Bytes>) {
    put_length<std::int32_t>(sink, c, v.size());
    sink.put(v.data(), v.size());
  } else if constexpr (std::is_same_v<T, Records>) {
    put_length<std::int32_t>(sink, c, v.size());
    sink.put(v.bytes.data(), v.bytes.size());
    for (const RecordsSlice& slice : v.slices) sink.put_slice(slice);
  } else if constexpr (is_vector<T>) {
    put_length<std::int32_t>(sink, c, v.size());
    for (const auto& element : v) encode_value(sink, c, element);
  } else if constexpr (is_optional<T>) {
    using U = typename T::value_type;
    if constexpr (Described<U>) {
      const std::int8_t mark = v ? 1 : -1;
      sink.put(&mark, 1);
      if (v) encode_struct(sink, c, *v);
    } else {
      if (v) return encode_value(sink, c, *v);
      put_null<std::conditional_t<std::is_same_v<U, std::string_view>, std::int16_t, std::int32_t>>(
          sink, c);
    }
  } else {
    encode_struct(sink, c, v);
  }
}

template <class M, class F>
bool holds_default(const M& message, const F& field) {
  const M fresh{};
  return same(message.*field.member, fresh.*field.member);
}

template <class S, class M, class F>
void encode_field(S& sink, Context c, const M& message, const F& field) {
  const auto& value = message.*field.member;
  if (!field.options.versions.contains(c.version)) {
    if (!field.options.ignorable && !holds_default(message, field))
      sink.fail(WireError::not_in_version);
    return;
  }
  if constexpr (is_optional<typename F::value_type>)
    if (!value && !field.options.nullable.contains(c.version))
      return sink.fail(WireError::null_not_allowed);
  encode_value(sink, c, value);
}

// The tagged fields that hold something else than their default, in the order of their tags.
template <class S, Described M>
void encode_tags(S& sink, Context c, const M& message) {
  const auto is_sent = [&](const auto& field) {
    return field.options.tag >= 0 && field.options.versions.contains(c.version) &&
           !holds_default(message, field);
  };
  std::uint32_t count = 0;
  for_each_field<M>([&](const auto& field) { count += is_sent(field); });
  sink.put_uvarint(count);
  if (count == 0) return;
  for_each_field<M>([&](const auto& field) {
    if (!is_sent(field)) return;
    SizeSink body;
    encode_field(body, c, message, field);
    if (body.error() != WireError::none) sink.fail(body.error());
    sink.put_uvarint(static_cast<std::uint32_t>(field.options.tag));
    sink.put_uvarint(static_cast<std::uint32_t>(body.size()));
    encode_field(sink, c, message, field);
  });
}

template <class S, Described M>
void encode_struct(S& sink, Context c, const M& message) {
  for_each_field<M>([&](const auto& field) {
    if (field.options.tag < 0) encode_field(sink, c, message, field);
  });
  if constexpr (has_tags<M>()) {
    if (c.flexible) return encode_tags(sink, c, message);
    for_each_field<M>([&](const auto& field) {  // a tag that the version cannot carry
      if (field.options.tag >= 0 && !field.options.ignorable && !holds_default(message, field))
        sink.fail(WireError::not_in_version);
    });
  } else if (c.flexible) {
    sink.put_uvarint(0);
  }
}

}  // namespace sluice::protocol
