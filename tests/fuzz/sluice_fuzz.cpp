// Any arguments of `sluice`: a command is chosen or they are refused with a reason, and shells get
// their completions. No command runs.
//
// Input: arguments, one a line.
#include "base/check.hpp"
#include "tools/sluice/app.hpp"
#include "tools/sluice/command_line.hpp"
#include "tools/sluice/completion.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {
namespace {

// Made once: the tree has some hundred options.
struct Program {
  CommandLine line;
  std::unique_ptr<CLI::App> app = make_app(line);
};

Program& program() {
  static Program made;
  return made;
}

std::vector<std::string> words_of(std::string_view input) {
  std::vector<std::string> words;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    std::erase(words.emplace_back(line), '\0');
  }
  return words;
}

void parse(const std::vector<std::string>& words) {
  auto& [line, app] = program();
  std::vector<const char*> argv{"sluice"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  line.global = {};
  line.chosen = nullptr;
  try {
    app->parse(static_cast<int>(argv.size()), argv.data());
    SLUICE_CHECK(line.chosen != nullptr);
    SLUICE_CHECK(line.global.timeout().count() > 0);
    SLUICE_CHECK(line.global.client_options().request_timeout == line.global.timeout());
  } catch (const CLI::Success& wanted) {
    std::ostringstream text;
    SLUICE_CHECK(app->exit(wanted, text) == 0);
    SLUICE_CHECK(!text.str().empty());
  } catch (const CLI::ParseError& error) {
    SLUICE_CHECK(misuse(*app, words, error).size() >
                 std::string_view(" (see 'sluice --help')").size());
  }
}

void use(std::string_view input) {
  const auto words = words_of(input);
  parse(words);
  const Completion found = completion(*program().app, words);
  for (const std::string& word : found.words) SLUICE_CHECK(!word.empty());
}

}  // namespace
}  // namespace sluice::cli

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::cli::use({reinterpret_cast<const char*>(data), size});
  return 0;
}
