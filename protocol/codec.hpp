// The one encoder and the one decoder of every described message.
//
// Sinks and the Reader keep the first error; after it each call does nothing, so callers check once.
// Shapes: all integers are big-endian. Non-flexible lengths are int16 (string) or int32 (bytes,
// array), -1 for null; flexible lengths are an unsigned varint of length + 1, 0 for null.
// Lifetime: decoded strings and bytes borrow from the frame given to decode().
#pragma once

#include "schema.hpp"

#include <bit>
#include <cstring>
#include <string>

namespace sluice::protocol {

enum class WireError : std::uint8_t {
  none, truncated, bad_length, null_not_allowed, not_in_version, unsupported_version, trailing_bytes
};

// ---- Encoding ----

class Sink {
 public:
  WireError error() const { return error_; }
  void fail(WireError e) { if (error_ == WireError::none) error_ = e; }
 private:
  WireError error_ = WireError::none;
};

class SizeSink : public Sink {
 public:
  void put(const void*, std::size_t n) { size_ += n; }
  std::size_t size() const { return size_; }
 private:
  std::size_t size_ = 0;
};

class BufferSink : public Sink {
 public:
  explicit BufferSink(std::vector<std::byte>& out) : out_(out) {}
  void put(const void* data, std::size_t n) {
    const auto* first = static_cast<const std::byte*>(data);
    out_.insert(out_.end(), first, first + n);
  }
 private:
  std::vector<std::byte>& out_;
};

struct Context { Version version; bool flexible; };

template <class S>
void put_uvarint(S& sink, std::uint32_t v) {
  std::uint8_t octets[5];
  std::size_t n = 0;
  for (; v >= 0x80; v >>= 7) octets[n++] = static_cast<std::uint8_t>(v | 0x80);
  octets[n++] = static_cast<std::uint8_t>(v);
  sink.put(octets, n);
}
template <class Length, class S>
void put_length(S& sink, Context c, std::int64_t n) {  // n == -1: null
  if (c.flexible) return put_uvarint(sink, static_cast<std::uint32_t>(n + 1));
  if (n > std::numeric_limits<Length>::max()) return sink.fail(WireError::bad_length);
  const Length wire = big_endian(static_cast<Length>(n));
  sink.put(&wire, sizeof wire);
}

template <class S, Described M> void encode_struct(S& sink, Context c, const M& message);

template <class S, class T>
void encode_value(S& sink, Context c, const T& v) {
  if constexpr (std::is_enum_v<T>) encode_value(sink, c, static_cast<std::underlying_type_t<T>>(v));
  else if constexpr (std::is_same_v<T, bool>) { const std::uint8_t wire = v; sink.put(&wire, 1); }
  else if constexpr (std::is_integral_v<T>) { const T wire = big_endian(v); sink.put(&wire, sizeof wire); }
  else if constexpr (std::is_same_v<T, double>) encode_value(sink, c, std::bit_cast<std::int64_t>(v));
  else if constexpr (std::is_same_v<T, Uuid>) sink.put(v.octets.data(), v.octets.size());
  else if constexpr (std::is_same_v<T, std::string_view>) {
    put_length<std::int16_t>(sink, c, static_cast<std::int64_t>(v.size()));
    sink.put(v.data(), v.size());
  } else if constexpr (std::is_same_v<T, Bytes>) {
    put_length<std::int32_t>(sink, c, static_cast<std::int64_t>(v.size()));
    sink.put(v.data(), v.size());
  } else if constexpr (is_vector<T>) {
    put_length<std::int32_t>(sink, c, static_cast<std::int64_t>(v.size()));
    for (const auto& element : v) encode_value(sink, c, element);
  } else if constexpr (is_optional<T>) {
    using U = typename T::value_type;
    if constexpr (Described<U>) { const std::int8_t mark = v ? 1 : -1; sink.put(&mark, 1); }
    if (v) encode_value(sink, c, *v);
    else if constexpr (std::is_same_v<U, std::string_view>) put_length<std::int16_t>(sink, c, -1);
    else if constexpr (!Described<U>) put_length<std::int32_t>(sink, c, -1);
  } else {
    encode_struct(sink, c, v);
  }
}

// Whether two values of a field are equal, field by field.
template <class T>
bool same(const T& a, const T& b) {
  if constexpr (Described<T>) {
    bool equal = true;
    for_each_field<T>([&](const auto& field) { equal = equal && same(a.*field.member, b.*field.member); });
    return equal;
  } else if constexpr (is_vector<T>) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) if (!same(a[i], b[i])) return false;
    return true;
  } else if constexpr (is_optional<T>) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
  } else {
    return a == b;
  }
}
template <class M, class F>
bool holds_default(const M& message, const F& field) {
  static const M fresh{};
  return same(message.*field.member, fresh.*field.member);
}

template <class S, Described M>
void encode_struct(S& sink, Context c, const M& message) {
  std::uint32_t tagged = 0;
  for_each_field<M>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::value_type;
    const FieldOptions o = field.options;
    const bool present = o.versions.contains(c.version);
    if (o.tag >= 0) {
      if (present && c.flexible && !holds_default(message, field)) ++tagged;
    } else if (!present) {
      if (!o.ignorable && !holds_default(message, field)) sink.fail(WireError::not_in_version);
    } else {
      if constexpr (is_optional<T>)
        if (!(message.*field.member) && !o.nullable.contains(c.version)) return sink.fail(WireError::null_not_allowed);
      encode_value(sink, c, message.*field.member);
    }
  });
  if (!c.flexible) return;
  put_uvarint(sink, tagged);
  if (tagged == 0) return;
  for_each_field<M>([&](const auto& field) {  // rows are listed in tag order
    const FieldOptions o = field.options;
    if (o.tag < 0 || !o.versions.contains(c.version) || holds_default(message, field)) return;
    SizeSink body;
    encode_value(body, c, message.*field.member);
    put_uvarint(sink, static_cast<std::uint32_t>(o.tag));
    put_uvarint(sink, static_cast<std::uint32_t>(body.size()));
    encode_value(sink, c, message.*field.member);
  });
}

// ---- Decoding ----

class Reader {
 public:
  explicit Reader(Bytes frame) : rest_(frame) {}
  WireError error() const { return error_; }
  bool done() const { return rest_.empty(); }
  void fail(WireError e) {
    if (error_ == WireError::none) error_ = e;
    rest_ = {};
  }
  Bytes take(std::size_t n) {
    if (n > rest_.size()) { fail(WireError::truncated); return {}; }
    const Bytes taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
  }
  template <class T> T integer() {
    const Bytes octets = take(sizeof(T));
    if (octets.size() != sizeof(T)) return T{};
    T wire;
    std::memcpy(&wire, octets.data(), sizeof wire);
    return big_endian(wire);
  }
  std::uint32_t uvarint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const auto octet = integer<std::uint8_t>();
      value |= std::uint64_t{octet & 0x7fu} << shift;
      if (octet < 0x80) {
        if (value > std::numeric_limits<std::uint32_t>::max()) break;
        return static_cast<std::uint32_t>(value);
      }
    }
    fail(WireError::bad_length);
    return 0;
  }
  // -1: null. Every element takes a byte or more, so a length beyond the frame is refused here,
  // before anything is allocated for it.
  template <class Length> std::int64_t length(Context c) {
    const std::int64_t n = c.flexible ? std::int64_t{uvarint()} - 1 : std::int64_t{integer<Length>()};
    if (n >= -1 && n <= static_cast<std::int64_t>(rest_.size())) return n;
    fail(WireError::bad_length);
    return 0;
  }
 private:
  Bytes rest_;
  WireError error_ = WireError::none;
};

template <Described M> void decode_struct(Reader& reader, Context c, M& message);

template <class T>
void decode_value(Reader& r, Context c, T& v, bool nullable = false) {
  const auto required = [&r](std::int64_t n) {
    if (n < 0) r.fail(WireError::null_not_allowed);
    return static_cast<std::size_t>(n < 0 ? 0 : n);
  };
  const auto text = [](Bytes b) { return std::string_view{reinterpret_cast<const char*>(b.data()), b.size()}; };
  if constexpr (std::is_enum_v<T>) v = static_cast<T>(r.integer<std::underlying_type_t<T>>());
  else if constexpr (std::is_same_v<T, bool>) v = r.integer<std::uint8_t>() != 0;
  else if constexpr (std::is_integral_v<T>) v = r.integer<T>();
  else if constexpr (std::is_same_v<T, double>) v = std::bit_cast<double>(r.integer<std::int64_t>());
  else if constexpr (std::is_same_v<T, Uuid>) {
    const Bytes octets = r.take(v.octets.size());
    if (!octets.empty()) std::memcpy(v.octets.data(), octets.data(), octets.size());
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    v = text(r.take(required(r.length<std::int16_t>(c))));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    v = r.take(required(r.length<std::int32_t>(c)));
  } else if constexpr (is_vector<T>) {
    v.resize(required(r.length<std::int32_t>(c)));
    for (auto& element : v) decode_value(r, c, element);
  } else if constexpr (is_optional<T>) {
    using U = typename T::value_type;
    v.reset();
    if constexpr (Described<U>) {
      if (r.integer<std::int8_t>() >= 0) decode_value(r, c, v.emplace());
    } else {
      using Length = std::conditional_t<std::is_same_v<U, std::string_view>, std::int16_t, std::int32_t>;
      const std::int64_t n = r.length<Length>(c);
      if (n < 0) { if (!nullable) r.fail(WireError::null_not_allowed); }
      else if constexpr (std::is_same_v<U, std::string_view>) v = text(r.take(static_cast<std::size_t>(n)));
      else if constexpr (std::is_same_v<U, Bytes>) v = r.take(static_cast<std::size_t>(n));
      else { v.emplace(static_cast<std::size_t>(n)); for (auto& element : *v) decode_value(r, c, element); }
    }
  } else {
    decode_struct(r, c, v);
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
  for (std::uint32_t left = reader.uvarint(); left != 0 && reader.error() == WireError::none; --left) {
    const std::uint32_t tag = reader.uvarint();
    Reader body{reader.take(reader.uvarint())};  // an unknown tag is skipped with its body
    for_each_field<M>([&](const auto& field) {
      const FieldOptions o = field.options;
      if (o.tag < 0 || static_cast<std::uint32_t>(o.tag) != tag || !o.versions.contains(c.version)) return;
      decode_value(body, c, message.*field.member, o.nullable.contains(c.version));
      if (body.error() != WireError::none) reader.fail(body.error());
    });
  }
}

// ---- The four entry points ----

// Appends `message` to `out`. On an error `out` holds a partial message; drop it.
template <Message M>
[[nodiscard]] WireError encode(const M& message, Version version, std::vector<std::byte>& out) {
  static_assert(well_formed<M>());
  if (!M::schema.versions.contains(version)) return WireError::unsupported_version;
  BufferSink sink{out};
  encode_struct(sink, {version, M::schema.flexible.contains(version)}, message);
  return sink.error();
}

// Fills `message` from the whole of `frame`; fields that the version lacks keep their values.
template <Message M>
[[nodiscard]] WireError decode(Bytes frame, Version version, M& message) {
  static_assert(well_formed<M>());
  if (!M::schema.versions.contains(version)) return WireError::unsupported_version;
  Reader reader{frame};
  decode_struct(reader, {version, M::schema.flexible.contains(version)}, message);
  if (reader.error() == WireError::none && !reader.done()) return WireError::trailing_bytes;
  return reader.error();
}

template <Message M>
std::size_t encoded_size(const M& message, Version version) {
  SizeSink sink;
  encode_struct(sink, {version, M::schema.flexible.contains(version)}, message);
  return sink.size();
}

// The rows as text, a line a field: for golden files, `sluice schema` and review against the JSON.
template <Described M>
void describe(std::string& out, int depth = 0) {
  const auto range = [](Versions v) {
    return std::to_string(v.first) + (v.last == Versions::newest ? "+" : "-" + std::to_string(v.last));
  };
  for_each_field<M>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::value_type;
    const FieldOptions o = field.options;
    out.append(static_cast<std::size_t>(2 * depth), ' ').append(field.name).append(" ").append(range(o.versions));
    if (!o.nullable.empty()) out.append(" null ").append(range(o.nullable));
    if (o.tag >= 0) out.append(" tag ").append(std::to_string(o.tag));
    out += '\n';
    if constexpr (Described<T>) describe<T>(out, depth + 1);
    if constexpr (is_vector<T>)
      if constexpr (Described<typename T::value_type>) describe<typename T::value_type>(out, depth + 1);
  });
}

}  // namespace sluice::protocol
