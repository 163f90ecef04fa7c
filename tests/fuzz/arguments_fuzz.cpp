// Any arguments of sluiced: they are taken or refused with a reason.
//
// Input: arguments, one a line. A '/' becomes '_', so that no file outside of this directory is
// read.
#include "base/check.hpp"
#include "broker/command_line.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {
namespace {

void use(std::string_view input) {
  std::vector<std::string> arguments{"sluiced"};
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    std::string& argument = arguments.emplace_back(line);
    std::ranges::replace(argument, '/', '_');
    std::erase(argument, '\0');
  }
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  const CommandLine line =
      parse_command_line(static_cast<int>(arguments.size()), argv.data(), Environment{});
  if (line.action == CommandLine::Action::run) {
    SLUICE_CHECK(check_options(line.options).has_value());
  } else {
    SLUICE_CHECK(line.exit_code == 0 || line.exit_code == 2);
    SLUICE_CHECK(!line.output.empty());
  }
}

}  // namespace
}  // namespace sluice::broker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::broker::use({reinterpret_cast<const char*>(data), size});
  return 0;
}
