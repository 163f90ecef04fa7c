// The command line of `sluice`.
#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace sluice::cli {

struct CommandLine;

// Every command and option. Parsing with it sets line.chosen and runs nothing.
// Lifetime: `line` must outlive it.
std::unique_ptr<CLI::App> make_app(CommandLine& line);

// Parses, runs the command, and returns the exit status of the program.
int run(int argc, char** argv);

}  // namespace sluice::cli
