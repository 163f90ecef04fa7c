// The families of commands that administer a cluster: each adds its commands to the command line.
#pragma once

#include "tools/sluice/command_line.hpp"

namespace sluice::cli {

void add_topics(CLI::App& app, CommandLine& line);
void add_groups(CLI::App& app, CommandLine& line);
void add_configs(CLI::App& app, CommandLine& line);
void add_cluster(CLI::App& app, CommandLine& line);
void add_check(CLI::App& app, CommandLine& line);
void add_context(CLI::App& app, CommandLine& line);
void add_completion(CLI::App& app, CommandLine& line);
void add_top(CLI::App& app, CommandLine& line);
void add_man(CLI::App& app, CommandLine& line);

}  // namespace sluice::cli
