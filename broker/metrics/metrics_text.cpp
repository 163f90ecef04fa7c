#include "broker/metrics/metrics_text.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::broker {

void MetricsText::family(std::string_view name) {
  const auto found = std::ranges::find(metric_families(), name, &MetricFamily::name);
  SLUICE_CHECK(found != metric_families().end());
  family_ = &*found;
  out_.append("# HELP ").append(family_->name).append(" ").append(family_->help);
  out_.append("\n# TYPE ").append(family_->name).append(" ").append(to_string(family_->type));
  out_ += '\n';
}

void MetricsText::sample(Labels labels, double value) {
  begin_sample({}, labels, {});
  number(value);
  out_ += '\n';
}

void MetricsText::histogram(Labels labels, const Histogram& values, int first_bits, int last_bits,
                            double scale) {
  for (int bits = first_bits; bits <= last_bits; ++bits) {
    char bound[32];
    const double limit = std::ldexp(1.0, bits) * scale;
    const auto end = std::to_chars(bound, bound + sizeof bound, limit).ptr;
    begin_sample("_bucket", labels, {bound, static_cast<std::size_t>(end - bound)});
    number(values.count_below(bits));
    out_ += '\n';
  }
  begin_sample("_bucket", labels, "+Inf");
  number(values.count());
  out_ += '\n';
  begin_sample("_sum", labels, {});
  number(static_cast<double>(values.sum()) * scale);
  out_ += '\n';
  begin_sample("_count", labels, {});
  number(values.count());
  out_ += '\n';
}

void MetricsText::label(std::string_view& names, std::string_view value, bool& first) {
  const std::size_t comma = std::min(names.find(','), names.size());
  out_ += first ? '{' : ',';
  first = false;
  out_.append(names.substr(0, comma)).append("=\"");
  names.remove_prefix(std::min(comma + 1, names.size()));
  if (value.find_first_of("\\\"\n") == std::string_view::npos) {
    out_ += value;
  } else {
    for (const char c : value) {
      if (c == '\\' || c == '"') out_ += '\\';
      if (c == '\n')
        out_ += "\\n";
      else
        out_ += c;
    }
  }
  out_ += '"';
}

// Up to the value.
void MetricsText::begin_sample(std::string_view suffix, Labels labels, std::string_view bound) {
  out_.append(family_->name).append(suffix);
  std::string_view names = family_->labels;
  bool first = true;
  for (const std::string_view value : labels) label(names, value, first);
  SLUICE_CHECK(names.empty());
  std::string_view le = "le";
  if (!bound.empty()) label(le, bound, first);
  out_ += first ? " " : "} ";
}

void MetricsText::number(double value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out_.append(text, end);
}

}  // namespace sluice::broker
