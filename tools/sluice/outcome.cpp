#include "tools/sluice/outcome.hpp"

#include <optional>

namespace sluice::cli {

Outcome::Outcome(const Global& global, std::string_view kind, bool applied) : global_(global) {
  json_.begin_object().field("kind", kind).field("applied", applied);
  json_.key("results").begin_array();
}

void Outcome::add(std::string_view name, std::string_view result, std::string_view text,
                  const std::function<void(JsonWriter&)>& details) {
  say(global_, text);
  json_.begin_object().field("name", name).field("result", result);
  if (details) details(json_);
  json_.end_object();
  any_ = true;
}

Exit Outcome::end(Exit status) {
  json_.end_array().end_object();
  if (global_.json && (any_ || status == Exit::ok)) Output().write(text_ + "\n");
  return status;
}

void print_document(const Global& global, const RecordsDone& done) {
  print_document(global, [&](JsonWriter& json) {
    const auto topic = done.topic.empty() ? std::nullopt : std::optional(done.topic);
    json.field("file", done.file).field("topic", topic).field("records", done.records);
    json.field("seconds", std::chrono::duration<double>(done.took).count());
    json.field("complete", done.complete);
  });
}

}  // namespace sluice::cli
