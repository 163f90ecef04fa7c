#include "tools/sluice/command_line.hpp"

#include "tools/sluice/command_tree.hpp"

#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::cli {
namespace {

std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of('\n'));
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

// The first example of a footer, with its end of line; empty when it has none.
std::string first_example(const std::string& footer) {
  const auto begin = footer.find("\n  sluice ");
  if (begin == std::string::npos) return "";
  return footer.substr(begin + 1, footer.find('\n', begin + 1) - begin - 1) + "\n";
}

// Those of a family of commands are the first of each command in it.
std::string examples_of(const CLI::App& app) {
  if (!app.get_footer().empty()) return app.get_footer();
  std::string text;
  for (const auto* sub : commands_of(app)) text += first_example(sub->get_footer());
  return text.empty() ? text : "Examples:\n" + text;
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
    std::string text = make_description(app) + make_usage(app, std::move(name));
    if (auto examples = examples_of(*app); !examples.empty())
      text += "\n" + trimmed(std::move(examples)) + "\n";
    text += make_positionals(app) + make_groups(app, mode) + make_subcommands(app, mode);
    if (app->get_parent() != nullptr)
      text += "\nOptions of every command (-b, --context, --json, -q, --timeout): sluice --help\n";
    return text;
  }
};

// About an option that lacks its value ("--field: 1 required TEXT missing"), or has one that it
// does not take ("Could not convert: --yes = x"); nothing about anything else.
std::optional<std::string> about_presence(const CLI::App& at, const std::string& text) {
  constexpr std::string_view refused = "Could not convert: ";
  if (text.ends_with(" missing")) return text.substr(0, text.find(':')) + " wants a value";
  if (!text.starts_with(refused)) return std::nullopt;
  const std::string name = text.substr(refused.size(), text.find(" = ") - refused.size());
  const auto* option = option_of(&at, name);
  if (option == nullptr || takes_value(*option)) return std::nullopt;
  return name + " takes no value";
}

// About a value that is no number, or not in its range: CLI11 prints the bounds of "POSITIVE" as
// numbers of 300 digits.
std::optional<std::string> about_number(const CLI::App& at, const std::string& text) {
  constexpr std::string_view refused = "Could not convert: ";
  constexpr std::string_view valued = ": Value ";
  constexpr std::string_view unlimited = " not in range 0.000000 to ";
  if (text.starts_with(refused)) {
    const auto equals = text.find(" = ");
    if (equals == std::string::npos) return std::nullopt;
    return text.substr(refused.size(), equals - refused.size()) + ": '" + text.substr(equals + 3) +
           "' is no number that it takes";
  }
  const auto value = text.find(valued);
  const auto range = text.find(unlimited);
  if (value == std::string::npos || range == std::string::npos) return std::nullopt;
  const std::string name = text.substr(0, value);
  const auto* option = option_of(&at, name);
  const bool positive =
      option != nullptr && option->get_type_name().find("POSITIVE") != std::string::npos;
  return name + ": '" + text.substr(value + valued.size(), range - value - valued.size()) +
         "' is no number " + (positive ? "above 0" : "from 0 on");
}

// Follows the words down the tree of commands to the first that does not belong.
struct Walk {
  const CLI::App* at;
  std::optional<std::string> wrong;

  // Returns whether the next word is the option's value.
  bool option(const std::string& word) {
    const auto found = option_word(*at, word);
    if (found.option == nullptr)
      wrong = with_suggestion("no option '" + found.name + "'", found.name, option_names(at));
    return found.value_follows;
  }
  void command(const std::string& word) {
    const auto commands = commands_of(*at);
    if (commands.empty()) return;  // an argument
    std::vector<std::string> names;
    for (const auto* sub : commands) {
      if (sub->check_name(word)) {
        at = sub;
        return;
      }
      names.push_back(sub->get_name());
    }
    wrong = with_suggestion("no command '" + word + "'", word, names);
  }
};

std::string joined_names(const CLI::App& app) {
  std::string text;
  for (const auto* sub : commands_of(app)) text += (text.empty() ? "" : ", ") + sub->get_name();
  return text;
}

std::string in_our_words(const CLI::App& at, const CLI::ParseError& error) {
  const std::string text = error.what();
  if (auto told = about_presence(at, text)) return *std::move(told);
  if (auto told = about_number(at, text)) return *std::move(told);
  const auto colon = text.rfind(": ");
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    if (!commands_of(at).empty()) return "a command is missing, one of " + joined_names(at);
    return "an argument is missing: " + argument_name(at, text.substr(0, text.find(' ')));
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && colon != std::string::npos)
    return "one argument too many: " + text.substr(colon + 2);
  return text;
}

}  // namespace

std::shared_ptr<CLI::Formatter> help_formatter() {
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(34);
  return formatter;
}

CLI::Validator no_empty_name() {
  // No description: that would follow the name of the type.
  return CLI::Validator(
      [](const std::string& text) { return text.empty() ? "it is empty" : std::string(); }, "");
}

CLI::Validator no_nan() {
  return CLI::Validator(
      [](const std::string& text) {
        double number = 0;
        const bool read = CLI::detail::lexical_cast(text, number);
        return read && std::isnan(number) ? "it is no number" : std::string();
      },
      "");
}

std::string misuse(const CLI::App& app, const std::vector<std::string>& words,
                   const CLI::ParseError& error) {
  Walk walk{.at = &app, .wrong = {}};
  bool is_value = false;
  for (const auto& word : words) {
    if (std::exchange(is_value, false)) continue;
    if (word == "--") break;
    if (word.size() > 1 && word.starts_with('-'))
      is_value = walk.option(word);
    else
      walk.command(word);
    if (walk.wrong) break;
  }
  return walk.wrong.value_or(in_our_words(*walk.at, error)) + " (see '" + full_name(*walk.at) +
         " --help')";
}

}  // namespace sluice::cli
