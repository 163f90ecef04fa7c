// The page on the protocol: it has what the broker serves, and is the one in docs/.
#include "broker/api_reference.hpp"

#include "broker/dispatch.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::broker {
namespace {

TEST(ApiReference, HasARowOfEveryApiThatIsServed) {
  const std::string text = print_api_reference();
  for (const auto& api : protocol::all_apis()) {
    if (!is_served(api.key)) continue;
    const std::string row =
        "\n| " + std::to_string(static_cast<int>(api.key)) + " | " + std::string(api.name) + " | ";
    EXPECT_TRUE(text.contains(row)) << row;
  }
}

TEST(ApiReference, TellsWhyAnApiIsNotServed) {
  std::istringstream lines(print_api_reference());
  int missing = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.contains("| – |")) continue;
    ++missing;
    EXPECT_FALSE(line.ends_with("| – | |")) << line;
  }
  EXPECT_GT(missing, 0);
}

TEST(ApiReference, ThePageInDocsIsUpToDate) {
  std::ifstream file(SLUICE_DOCS_DIR "/api-matrix.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), print_api_reference()) << "make it anew: sluiced apis > docs/api-matrix.md";
}

}  // namespace
}  // namespace sluice::broker
