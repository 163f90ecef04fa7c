// sluiced's command line.
//
//   auto line = parse_command_line(argc, argv, process_environment());
//   if (line.action == CommandLine::Action::exit) {
//     (line.exit_code == 0 ? std::cout : std::cerr) << line.output;
//     return line.exit_code;
//   }
//   run(line.options);
#pragma once

#include "broker/options.hpp"
#include "broker/options_load.hpp"

#include <string>

namespace sluice::broker {

struct CommandLine {
  enum class Action : std::uint8_t { run, exit };

  Action action = Action::run;
  Options options;     // complete and checked when action is run
  std::string output;  // --help, --version, the configuration, or why the line is refused
  int exit_code = 0;   // 0 ok, 2 refused: wrong usage or configuration
};

// Never throws; reads the file that --config or SLUICE_CONFIG names.
CommandLine parse_command_line(int argc, const char* const* argv, const Environment& environment);

}  // namespace sluice::broker
