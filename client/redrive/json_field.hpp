// One field of a JSON text, without making a document of it: what a filter over many records needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::client {

// Whether it is a path: names separated by dots, each with indexes behind it ("a.b[0].c"); "$."
// before it is allowed. A name may hold anything but '.', '[' and ']'.
bool is_json_path(std::string_view path);

// What lies at `path`: a string's text without its escapes, anything else as it is spelled. Nothing
// when there is no such field, or the text is no JSON up to there. Of members with one name the
// first counts. Requires: is_json_path(path).
std::optional<std::string> json_field(std::string_view json, std::string_view path);

}  // namespace sluice::client
