// The flags and commands of sluiced's command line, apart from what they do: man pages are made of
// them without the broker.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::broker {

// What the command line said.
struct CommandFlags {
  std::string config;
  std::string data;
  std::vector<std::string> listen;
  std::string http;
  std::vector<std::string> set;
  bool check_config = false;
  bool json = false;
  CLI::App* dump = nullptr;
  CLI::App* example = nullptr;
  CLI::App* reference = nullptr;
  CLI::App* apis = nullptr;
  bool show_version = false;
};

// Names the program and gives it the flags, which parsing `app` fills; `flags` must outlive that.
void describe_flags(CLI::App& app, CommandFlags& flags);

}  // namespace sluice::broker
