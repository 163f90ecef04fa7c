// Writes JSON into a string, piece by piece: commas and quotes are its business.
#pragma once

#include "tools/sluice/text.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

// Text that is not UTF-8 is written with a replacement for each bad byte; record data, which must
// not be changed, goes through record_json.hpp instead.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name) {
    comma();
    append_json_string(out_, name);
    out_ += ':';
    fresh_ = true;
    return *this;
  }
  JsonWriter& value(std::string_view text) {
    comma();
    append_json_string(out_, is_utf8(text) ? std::string(text) : cleaned(text));
    return *this;
  }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag) { return raw(flag ? "true" : "false"); }
  JsonWriter& value(std::integral auto number) { return raw(std::to_string(number)); }
  // Ten significant digits: seconds since the epoch keep their tenths. null for what is no number.
  JsonWriter& value(double number);
  template <class T>
  JsonWriter& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : raw("null");
  }
  template <class T>
  JsonWriter& value(const std::vector<T>& elements) {
    begin_array();
    for (const auto& element : elements) value(element);
    return end_array();
  }
  // `text` is JSON already.
  JsonWriter& raw_json(std::string_view text) { return raw(text); }
  template <class T>
  JsonWriter& field(std::string_view name, const T& content) {
    key(name);
    return value(content);
  }

 private:
  JsonWriter& open(char bracket) {
    comma();
    out_ += bracket;
    fresh_ = true;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    fresh_ = false;
    return *this;
  }
  JsonWriter& raw(std::string_view text) {
    comma();
    out_ += text;
    return *this;
  }
  void comma() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  static std::string cleaned(std::string_view text);

  std::string& out_;
  bool fresh_ = true;
};

}  // namespace sluice::cli
