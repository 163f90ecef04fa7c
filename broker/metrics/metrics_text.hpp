// Writes the text format of Prometheus, version 0.0.4: families in the order of the table, each
// with HELP and TYPE. Nothing is allocated for a series but the text itself. Source:
// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include "base/histogram.hpp"
#include "broker/metrics/families.hpp"

#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice::broker {

class MetricsText {
 public:
  // Values of the family's labels, in the table's order.
  using Labels = std::initializer_list<std::string_view>;

  // Begins the next family. Requires: `name` is in the table.
  void family(std::string_view name);

  void sample(Labels labels, std::integral auto value) {
    begin_sample({}, labels, {});
    number(value);
    out_ += '\n';
  }
  void sample(Labels labels, double value);
  // Buckets at each power of two from 2^first_bits to 2^last_bits, in units of `scale`.
  void histogram(Labels labels, const Histogram& values, int first_bits, int last_bits,
                 double scale);

  void reserve(std::size_t bytes) { out_.reserve(bytes); }
  std::string take() { return std::move(out_); }

 private:
  void begin_sample(std::string_view suffix, Labels labels, std::string_view bound);
  void label(std::string_view& names, std::string_view value, bool& first);
  void number(std::integral auto value) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out_.append(text, end);
  }
  void number(double value);

  const MetricFamily* family_ = nullptr;
  std::string out_;
};

// A whole number as the value of a label.
class NumberLabel {
 public:
  explicit NumberLabel(std::int64_t value)
      : size_(static_cast<std::size_t>(std::to_chars(text_, text_ + sizeof text_, value).ptr -
                                       text_)) {}
  operator std::string_view() const { return {text_, size_}; }

 private:
  char text_[24];
  std::size_t size_;
};

}  // namespace sluice::broker
