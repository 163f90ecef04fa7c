// Writes JSON without a library: objects, arrays, commas and quotes. The caller closes what it
// opens.
#pragma once

#include "base/quoted.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::broker {

class JsonText {
 public:
  JsonText& open(char bracket) {
    comma();
    out_ += bracket;
    fresh_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    out_ += bracket;
    fresh_ = false;
    return *this;
  }
  JsonText& key(std::string_view name) {
    comma();
    append_quoted(out_, name);
    out_ += ':';
    fresh_ = true;
    return *this;
  }
  void value(std::string_view text) {
    comma();
    append_quoted(out_, text);
  }
  void value(bool truth) {
    comma();
    out_ += truth ? "true" : "false";
  }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  void value(T number) {
    comma();
    std::array<char, 24> text;
    out_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
  }
  // With so many digits after the point.
  void value(double number, int digits) {
    comma();
    std::array<char, 64> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number,
                                   std::chars_format::fixed, digits);
    out_.append(text.data(), end.ptr);
  }
  void null() {
    comma();
    out_ += "null";
  }
  void reserve(std::size_t bytes) { out_.reserve(bytes); }
  std::string take() { return std::move(out_); }

 private:
  void comma() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  std::string out_;
  bool fresh_ = true;  // no comma before what comes next
};

}  // namespace sluice::broker
