// Any text as a configuration: it is taken or refused with a reason, and what was taken prints as
// text that reads as the same.
//
// Input: TOML; the same lines are tried as environment and as single settings, too.
#include "base/check.hpp"
#include "broker/command_line.hpp"
#include "broker/config_print.hpp"
#include "broker/config_value.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::broker {
namespace {

void use_lines(std::string_view text) {
  Options options;
  Environment environment;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    (void)set_option(options, name, value, "fuzz");
    environment.emplace_back(environment_name(name), value);
  }
  Options by_environment;
  if (load_environment(by_environment, environment)) (void)check_options(by_environment);
}

void use(std::string_view text) {
  use_lines(text);
  Options options;
  if (!load_toml(options, text, "fuzz.toml") || !check_options(options)) return;
  const std::string printed = print_options(options);
  Options again;
  SLUICE_CHECK(load_toml(again, printed, "printed.toml").has_value());
  SLUICE_CHECK(check_options(again).has_value());
  for (const auto& row : option_rows())
    SLUICE_CHECK(option_text(again, row.name) == option_text(options, row.name));
}

}  // namespace
}  // namespace sluice::broker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::broker::use({reinterpret_cast<const char*>(data), size});
  return 0;
}
