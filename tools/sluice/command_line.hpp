// The command line while it is built: families of commands (topics, groups, …) add themselves.
#pragma once

#include "tools/sluice/cli.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace sluice::cli {

// A command that was added, and the options that it runs with, which live as long as it does.
template <class Options>
struct Added {
  CLI::App& app;
  Options& options;

  CLI::App* operator->() const { return &app; }
};

// What every family of commands adds itself to.
struct CommandLine {
  Global global;
  std::function<Exit()> chosen;  // set by parsing

  // A command that runs `run(global, options)`.
  template <class Options>
  Added<Options> command(CLI::App& parent, const std::string& name, const std::string& about,
                         Exit (*run)(const Global&, const Options&)) {
    auto options = std::make_shared<Options>();
    CLI::App* sub = parent.add_subcommand(name, about);
    sub->callback(
        [this, run, options] { chosen = [this, run, options] { return run(global, *options); }; });
    return {*sub, *options};
  }
  CLI::App& command(CLI::App& parent, const std::string& name, const std::string& about,
                    Exit (*run)(const Global&)) {
    CLI::App* sub = parent.add_subcommand(name, about);
    sub->callback([this, run] { chosen = [this, run] { return run(global); }; });
    return *sub;
  }
  // A command that only has commands below it.
  static CLI::App& family(CLI::App& parent, const std::string& name, const std::string& about) {
    CLI::App* sub = parent.add_subcommand(name, about);
    sub->require_subcommand(1);
    return *sub;
  }
};

// Refuses the empty text that a variable of a script may be.
CLI::Validator no_empty_name();
// Refuses what CLI11 takes for a number within every range.
CLI::Validator no_nan();

// Help with the examples before the options. Commands inherit it from the App that they are added
// to.
std::shared_ptr<CLI::Formatter> help_formatter();

// One line that says what is wrong with a command line that was refused with `error`, with what
// was probably meant.
std::string misuse(const CLI::App& app, const std::vector<std::string>& words,
                   const CLI::ParseError& error);

}  // namespace sluice::cli
