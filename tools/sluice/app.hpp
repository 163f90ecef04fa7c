// The command line of `sluice`.
#pragma once

namespace sluice::cli {

// Parses, runs the command, and returns the exit status of the program.
int run(int argc, char** argv);

}  // namespace sluice::cli
