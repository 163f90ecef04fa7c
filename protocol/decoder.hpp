// The one decoder of every described message. Include it only where a codec is instantiated
// (codec_instances.hpp) or bytes are read by hand; everyone else calls codec.hpp.
//
// The Reader keeps the first error; after it each call does nothing, so callers check once.
// Shapes: see encoder.hpp.
#pragma once

#include "protocol/encoder.hpp"
#include "protocol/schema.hpp"
#include "protocol/wire_error.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice::protocol {

// Memory that the arrays of one message may take, by the size of its frame. An element may be much
// larger in memory than on the wire, e.g. 24 bytes for an empty array of one byte; real messages
// stay below 8.
inline constexpr std::size_t element_bytes_a_frame_byte = 16;
inline constexpr std::size_t element_bytes_min = 64 * 1024;

class Reader {
 public:
  explicit Reader(Bytes frame)
      : rest_(frame),
        element_bytes_left_(element_bytes_min + element_bytes_a_frame_byte * frame.size()) {}

  WireError error() const { return error_; }
  bool failed() const { return error_ != WireError::none; }
  bool done() const { return rest_.empty(); }
  std::size_t remaining() const { return rest_.size(); }
  // What is left to read; valid as long as the frame.
  Bytes rest() const { return rest_; }

  void fail(WireError e) {
    if (error_ == WireError::none) error_ = e;
    rest_ = {};
  }
  // The next `n` bytes, borrowed from the frame.
  Bytes take(std::size_t n) {
    if (n > rest_.size()) {
      fail(WireError::truncated);
      return {};
    }
    const Bytes taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
  }
  template <std::integral T>
  T integer() {
    if (rest_.size() < sizeof(T)) {
      fail(WireError::truncated);
      return T{};
    }
    const T value = load_big_endian<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  // At most five octets, none of them in vain.
  std::uint32_t uvarint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const auto octet = integer<std::uint8_t>();
      value |= std::uint64_t{octet & 0x7fu} << shift;
      if (octet >= 0x80) continue;
      if (value > std::numeric_limits<std::uint32_t>::max() || (octet == 0 && shift != 0)) break;
      return static_cast<std::uint32_t>(value);
    }
    fail(WireError::bad_length);
    return 0;
  }
  // -1: null. Refuses what the rest of the frame cannot hold when each unit takes `least` bytes.
  template <class Length>
  std::int64_t length(Context c, std::size_t least = 1) {
    const std::int64_t n =
        c.flexible ? std::int64_t{uvarint()} - 1 : std::int64_t{integer<Length>()};
    if (failed()) return 0;
    if (n >= -1 && n <= static_cast<std::int64_t>(rest_.size() / least)) return n;
    fail(n < -1 ? WireError::bad_length : WireError::truncated);
    return 0;
  }
  // Accounts for memory of array elements, before it is taken.
  bool charge(std::size_t bytes) {
    if (bytes > element_bytes_left_) {
      fail(WireError::too_large);
      return false;
    }
    element_bytes_left_ -= bytes;
    return true;
  }
  // Reads the next `n` bytes with `read`, which has to use them all.
  template <class Read>
  void within(std::size_t n, Read&& read) {
    const Bytes body = take(n);
    if (failed()) return;
    const Bytes after = std::exchange(rest_, body);
    read();
    if (failed()) return;
    if (!rest_.empty()) return fail(WireError::trailing_bytes);
    rest_ = after;
  }

 private:
  Bytes rest_;
  std::size_t element_bytes_left_;
  WireError error_ = WireError::none;
};

// The fewest bytes that a value of T takes on the wire.
template <class T>
constexpr std::size_t least_size(Context c) {
  if constexpr (std::is_same_v<T, Uuid>) {
    return sizeof(Uuid);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    return sizeof(T);
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    return c.flexible ? 1 : 2;
  } else if constexpr (std::is_same_v<T, Bytes> || std::is_same_v<T, Records> || is_vector<T>) {
    return c.flexible ? 1 : 4;
  } else if constexpr (is_optional<T>) {
    if constexpr (Described<typename T::value_type>)
      return 1;
    else
      return least_size<typename T::value_type>(c);
  } else {
    std::size_t total = c.flexible ? 1 : 0;
    for_each_field<T>([&](const auto& field) {
      using U = typename std::remove_cvref_t<decltype(field)>::value_type;
      if (field.options.tag < 0 && field.options.versions.contains(c.version))
        total += least_size<U>(c);
    });
    return std::max<std::size_t>(total, 1);
  }
}

template <Described M>
void decode_struct(Reader& reader, Context c, M& message);
template <class T>
void decode_value(Reader& r, Context c, T& v, bool nullable = false);

// The `n` elements of an array. Requires: n as returned by Reader::length() for T.
template <class T>
void decode_elements(Reader& r, Context c, std::vector<T>& v, std::size_t n) {
  v.clear();
  if (n == 0 || !r.charge(n * sizeof(T))) return;
  v.resize(n);
  if constexpr (std::is_integral_v<T>) {
    const Bytes raw = r.take(n * sizeof(T));
    for (std::size_t i = 0; i < n; ++i) v[i] = load_big_endian<T>(raw.data() + i * sizeof(T));
  } else {
    for (T& element : v) {
      decode_value(r, c, element);
      if (r.failed()) return;
    }
  }
}

// A value that has a length; nothing when it is null.
template <class T>
std::optional<T> decode_sized(Reader& r, Context c) {
  if constexpr (is_vector<T>) {
    const std::int64_t n = r.length<std::int32_t>(c, least_size<typename T::value_type>(c));
    if (n < 0) return std::nullopt;
    T elements;
    decode_elements(r, c, elements, static_cast<std::size_t>(n));
    return elements;
  } else {
    using Length =
        std::conditional_t<std::is_same_v<T, std::string_view>, std::int16_t, std::int32_t>;
    const std::int64_t n = r.length<Length>(c);
    if (n < 0) return std::nullopt;
    const Bytes bytes = r.take(static_cast<std::size_t>(n));
    if constexpr (std::is_same_v<T, std::string_view>)
      return as_text(bytes);
    else
      return T{bytes};
  }
}

template <class T>
void decode_value(Reader& r, Context c, T& v, bool nullable) {
  if constexpr (std::is_enum_v<T>) {
    v = static_cast<T>(r.integer<std::underlying_type_t<T>>());
  } else if constexpr (std::is_same_v<T, bool>) {
    v = r.integer<std::uint8_t>() != 0;
  } else if constexpr (std::is_integral_v<T>) {
    v = r.integer<T>();
  } else if constexpr (std::is_same_v<T, double>) {
    v = std::bit_cast<double>(r.integer<std::uint64_t>());
  } else if constexpr (std::is_same_v<T, Uuid>) {
    const Bytes octets = r.take(v.octets.size());
    if (!octets.empty()) std::memcpy(v.octets.data(), octets.data(), octets.size());
  } else if constexpr (is_optional<T>) {
    using U = typename T::value_type;
    if constexpr (Described<U>) {
      v.reset();
      if (r.integer<std::int8_t>() >= 0) return decode_struct(r, c, v.emplace(U{}));
    } else {
      v = decode_sized<U>(r, c);
    }
    if (!v && !nullable) r.fail(WireError::null_not_allowed);
  } else if constexpr (Described<T>) {
    decode_struct(r, c, v);
  } else {
    auto value = decode_sized<T>(r, c);
    if (!value) return r.fail(WireError::null_not_allowed);
    v = std::move(*value);
  }
}

// `seen`: a bit for each tagged field of M, in their order.
template <Described M>
void decode_tag(Reader& reader, Context c, M& message, std::uint32_t tag, std::uint64_t& seen) {
  const std::size_t size = reader.uvarint();
  bool known = false;
  int next = 0;
  for_each_field<M>([&](const auto& field) {
    const FieldOptions o = field.options;
    if (o.tag < 0) return;
    const std::uint64_t bit = std::uint64_t{1} << next++;
    if (static_cast<std::uint32_t>(o.tag) != tag || !o.versions.contains(c.version)) return;
    known = true;
    if ((seen & bit) != 0) return reader.fail(WireError::duplicate_tag);
    seen |= bit;
    reader.within(size, [&] {
      decode_value(reader, c, message.*field.member, o.nullable.contains(c.version));
    });
  });
  if (!known) reader.take(size);
}

inline void skip_tags(Reader& reader) {
  for (std::uint32_t left = reader.uvarint(); left != 0 && !reader.failed(); --left) {
    reader.uvarint();
    reader.take(reader.uvarint());
  }
}

template <Described M>
void decode_struct(Reader& reader, Context c, M& message) {
  for_each_field<M>([&](const auto& field) {
    const FieldOptions o = field.options;
    if (o.tag < 0 && o.versions.contains(c.version))
      decode_value(reader, c, message.*field.member, o.nullable.contains(c.version));
  });
  if (!c.flexible) return;
  if constexpr (has_tags<M>()) {
    std::uint64_t seen = 0;
    for (std::uint32_t left = reader.uvarint(); left != 0 && !reader.failed(); --left)
      decode_tag(reader, c, message, reader.uvarint(), seen);
  } else {
    skip_tags(reader);
  }
}

}  // namespace sluice::protocol
