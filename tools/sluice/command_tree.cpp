#include "tools/sluice/command_tree.hpp"

namespace sluice::cli {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  // No group: hidden.
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
}

std::string full_name(const CLI::App& app) {
  const auto* parent = app.get_parent();
  return parent != nullptr ? full_name(*parent) + " " + app.get_name() : app.get_name();
}

const CLI::Option* option_of(const CLI::App* app, const std::string& name) {
  for (; app != nullptr; app = app->get_parent())
    if (const auto* option = app->get_option_no_throw(name)) return option;
  return nullptr;
}

std::vector<std::string> option_names(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent())
    for (const auto* option : app->get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) {
    return option->get_positional() && option->get_lnames().empty();
  });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_lnames().empty(); });
}

std::string argument_name(const CLI::App& at, const std::string& name) {
  const auto* option = option_of(&at, name);
  return option != nullptr && option->get_positional() ? option->get_name(true) : name;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::vector<std::string> choices_of(const CLI::Option& option) {
  // CLI11 keeps the words of IsMember only as text: "TEXT:{a,b}".
  const std::string type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.find('}', begin);
  std::vector<std::string> words;
  if (begin == std::string::npos || end == std::string::npos) return words;
  for (std::size_t at = begin + 1; at < end;) {
    const auto comma = std::min(type.find(',', at), end);
    words.push_back(type.substr(at, comma - at));
    at = comma + 1;
  }
  return words;
}

OptionWord option_word(const CLI::App& at, const std::string& word) {
  const bool is_long = word.starts_with("--");
  OptionWord found{.name = is_long ? word.substr(0, word.find('=')) : word.substr(0, 2)};
  found.option = option_of(&at, found.name);
  const bool separate = is_long ? word.find('=') == std::string::npos : word.size() == 2;
  found.value_follows = found.option != nullptr && separate && takes_value(*found.option);
  return found;
}

}  // namespace sluice::cli
