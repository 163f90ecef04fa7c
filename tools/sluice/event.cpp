#include "tools/sluice/event.hpp"

#include <boost/json.hpp>

namespace sluice::cli {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, const char* name) {
  const auto* text = object.if_contains(name);
  return text && text->is_string() ? std::string(text->get_string()) : std::string();
}

}  // namespace

Event find_event(std::string_view line) {
  json::error_code failed;
  unsigned char memory[16 * 1024];  // most events fit; larger ones go on to the heap
  json::monotonic_resource resource(memory, sizeof memory);
  const auto value = json::parse(json::string_view(line.data(), line.size()), failed, &resource);
  if (failed || !value.is_object()) return {};
  Event event{.type = text_of(value.get_object(), "type")};
  const auto* repository = value.get_object().if_contains("repo");
  if (repository && repository->is_object())
    event.repository = text_of(repository->get_object(), "name");
  return event;
}

}  // namespace sluice::cli
