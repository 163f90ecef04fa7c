// Reading the tree of commands: what help, completion, man pages and messages about wrong command
// lines are made of.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace sluice::cli {

// Commands below `app`, without hidden ones.
std::vector<const CLI::App*> commands_of(const CLI::App& app);
// "sluice topics list"
std::string full_name(const CLI::App& app);
// The option of this name ("-p", "--json") of `app` or of what it belongs to; null: none.
const CLI::Option* option_of(const CLI::App* app, const std::string& name);
// "--json", "--brokers", … of `app` and of what it belongs to.
std::vector<std::string> option_names(const CLI::App* app);
std::vector<const CLI::Option*> positionals_of(const CLI::App& app);
std::vector<const CLI::Option*> options_of(const CLI::App& app);
// "FILE" of the option "--file" that may be written as an argument as well; else `name`.
std::string argument_name(const CLI::App& at, const std::string& name);
bool takes_value(const CLI::Option& option);
// The words that an option may be set to; empty when it is free.
std::vector<std::string> choices_of(const CLI::Option& option);

// Whether `word` is an option, and whether the next word is its value.
struct OptionWord {
  const CLI::Option* option = nullptr;  // null: not known
  std::string name;                     // without a value
  bool value_follows = false;
};
OptionWord option_word(const CLI::App& at, const std::string& word);

}  // namespace sluice::cli
