#include "client/redrive/json_field.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace sluice::client {
namespace {

// One step of a path: a member's name, or an index.
struct Step {
  std::string_view name;
  std::optional<std::size_t> index;
};

// Takes the first step off `path`. Nothing: it is no path.
std::optional<Step> take_step(std::string_view& path) {
  if (path.starts_with('[')) {
    const auto close = path.find(']');
    std::size_t index = 0;
    if (close == std::string_view::npos) return std::nullopt;
    const auto [end, ec] = std::from_chars(path.data() + 1, path.data() + close, index);
    if (ec != std::errc{} || end != path.data() + close) return std::nullopt;
    path.remove_prefix(close + 1);
    if (path.starts_with('.') && path.size() > 1 && path[1] != '[')
      path.remove_prefix(1);
    else if (!path.empty() && !path.starts_with('['))
      return std::nullopt;
    return Step{{}, index};
  }
  const auto size = std::min(path.find_first_of(".[]"), path.size());
  if (size == 0 || path.substr(size).starts_with(']')) return std::nullopt;
  const Step step{path.substr(0, size), std::nullopt};
  path.remove_prefix(size);
  if (!path.starts_with('.')) return step;
  path.remove_prefix(1);
  if (path.empty() || path.starts_with('[')) return std::nullopt;
  return step;
}

std::string_view without_root(std::string_view path) {
  if (path.starts_with("$.")) return path.substr(2);
  if (path.starts_with("$[")) return path.substr(1);
  return path;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t octet) { out += static_cast<char>(octet); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

// A place in a JSON text. Each function returns false where the text is not what it should be.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool take(char c) {
    skip_space();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool at(char c) {
    skip_space();
    return rest_.starts_with(c);
  }

  // A string without its escapes.
  bool string(std::string& out) {
    if (!take('"')) return false;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\')
        out += c;
      else if (!escape(out))
        return false;
    }
    return false;
  }

  // Passes over one value, whatever it is; `spelled` is its text.
  bool value(std::string_view& spelled) {
    skip_space();
    const std::string_view before = rest_;
    std::size_t depth = 0;
    do {
      skip_space();
      if (rest_.empty()) return false;
      const char c = rest_.front();
      if (c == '"') {
        std::string ignored;
        if (!string(ignored)) return false;
      } else if (c == '{' || c == '[') {
        ++depth;
        rest_.remove_prefix(1);
      } else if (c == '}' || c == ']') {
        if (depth == 0) return false;
        --depth;
        rest_.remove_prefix(1);
      } else if (c == ',' || c == ':') {
        if (depth == 0) return false;
        rest_.remove_prefix(1);
      } else {
        const auto size = std::min(rest_.find_first_of(",:]}[{\" \t\r\n"), rest_.size());
        rest_.remove_prefix(size);
      }
    } while (depth > 0);
    spelled = before.substr(0, before.size() - rest_.size());
    return true;
  }

  // Goes to the value of the member, or of the element.
  bool enter(const Step& step) { return step.index ? element(*step.index) : member(step.name); }

 private:
  void skip_space() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }

  bool hex(std::uint32_t& code) {
    if (rest_.size() < 4) return false;
    const auto [end, ec] = std::from_chars(rest_.data(), rest_.data() + 4, code, 16);
    if (ec != std::errc{} || end != rest_.data() + 4) return false;
    rest_.remove_prefix(4);
    return true;
  }

  bool escape(std::string& out) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view values = "\"\\/\b\f\n\r\t";
    if (const auto known = names.find(c); known != std::string_view::npos) {
      out += values[known];
      return true;
    }
    std::uint32_t code = 0;
    if (c != 'u' || !hex(code)) return false;
    if (code >= 0xd800 && code < 0xdc00) {  // the first half of a surrogate pair
      std::uint32_t low = 0;
      if (!rest_.starts_with("\\u")) return false;
      rest_.remove_prefix(2);
      if (!hex(low) || low < 0xdc00 || low > 0xdfff) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return true;
  }

  bool member(std::string_view wanted) {
    if (!take('{')) return false;
    while (!at('}')) {
      std::string name;
      if (!string(name) || !take(':')) return false;
      if (name == wanted) return true;
      std::string_view skipped;
      if (!value(skipped) || !take(',')) return false;
    }
    return false;
  }

  bool element(std::size_t wanted) {
    if (!take('[')) return false;
    for (std::size_t i = 0; i < wanted; ++i) {
      std::string_view skipped;
      if (!value(skipped) || !take(',')) return false;
    }
    return !at(']');
  }

  std::string_view rest_;
};

}  // namespace

bool is_json_path(std::string_view path) {
  path = without_root(path);
  if (path.empty()) return false;
  while (!path.empty())
    if (!take_step(path)) return false;
  return true;
}

std::optional<std::string> json_field(std::string_view json, std::string_view path) {
  Cursor cursor(json);
  path = without_root(path);
  while (!path.empty()) {
    const auto step = take_step(path);
    if (!step || !cursor.enter(*step)) return std::nullopt;
  }
  std::string text;
  if (cursor.at('"')) return cursor.string(text) ? std::optional(text) : std::nullopt;
  std::string_view spelled;
  if (!cursor.value(spelled)) return std::nullopt;
  return std::string(spelled);
}

}  // namespace sluice::client
