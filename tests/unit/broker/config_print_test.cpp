#include "broker/config_print.hpp"

#include "broker/group_config.hpp"
#include "broker/options_load.hpp"
#include "broker/topic_config.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::broker {
namespace {

TEST(ConfigPrint, TheExampleChangesNothingUntilAKeyIsUncommented) {
  Options options;
  ASSERT_TRUE(load_toml(options, print_example_file({}), "example"));
  EXPECT_TRUE(options.settings.empty());
}

// Keys that have no default are left out: their line has no value yet.
TEST(ConfigPrint, TheExampleUncommentedSetsEveryKeyToItsDefault) {
  std::istringstream example(print_example_file({}));
  std::string file;
  for (std::string line; std::getline(example, line);)
    if (line.starts_with('#') && !line.starts_with("# ") && !line.ends_with('='))
      file += line.substr(1) + "\n";
  Options options;
  const auto loaded = load_toml(options, file, "example");
  ASSERT_TRUE(loaded) << loaded.error().message();
  const Options defaults;
  for (const auto& row : option_rows()) {
    EXPECT_EQ(config_text(row, options), config_text(row, defaults)) << row.name;
    EXPECT_EQ(options.settings.contains(row.name), config_text(row, defaults).has_value())
        << row.name;
  }
}

TEST(ConfigPrint, TheReferenceHasEveryKeyOfTheThreeTables) {
  const std::string text = print_reference();
  const auto has = [&](std::string_view name) {
    return text.contains("\n| `" + std::string(name) + "` | ");
  };
  for (const auto& row : option_rows()) EXPECT_TRUE(has(row.name)) << row.name;
  for (const auto& row : topic_config_rows()) EXPECT_TRUE(has(row.name)) << row.name;
  for (const auto& row : group_config_rows()) EXPECT_TRUE(has(row.name)) << row.name;
}

TEST(ConfigPrint, TheReferenceInDocsIsUpToDate) {
  std::ifstream file(SLUICE_GOLDEN_DIR "/../../docs/configuration.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), print_reference())
      << "make it anew: sluiced config reference > docs/configuration.md";
}

TEST(ConfigPrint, TextIsEscapedInBothForms) {
  Options options;
  ASSERT_TRUE(set_option(options, "broker.rack", "a\"\\\tb", "test"));
  EXPECT_TRUE(print_options_json(options).contains(R"("a\"\\\u0009b")"));
  Options again;
  ASSERT_TRUE(load_toml(again, print_options(options), "printed"));
  EXPECT_EQ(again.broker_rack, options.broker_rack);
}

}  // namespace
}  // namespace sluice::broker
