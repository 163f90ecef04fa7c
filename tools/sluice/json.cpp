#include "tools/sluice/json.hpp"

#include <cmath>
#include <cstdio>

namespace sluice::cli {

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return raw("null");
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", number);
  return raw(text);
}

std::string JsonWriter::cleaned(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80)
      clean += c;
    else
      clean += "\xEF\xBF\xBD";
  }
  return clean;
}

}  // namespace sluice::cli
