// Man pages of sluice and sluiced, made of the same trees of commands as --help:
// `sluice man DIRECTORY`, run by the build.
#include "broker/command_flags.hpp"
#include "tools/sluice/command_tree.hpp"
#include "tools/sluice/families.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace sluice::cli {
namespace {

// Text as roff takes it: no line begins a request, a hyphen is a hyphen.
std::string roff(const std::string& text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_begins = c == '\n';
  }
  return out;
}

std::string page_name(const CLI::App& app) {
  std::string name = full_name(app);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string flags_of(const CLI::Option& option) {
  std::string text;
  for (const auto& name : option.get_snames()) text += (text.empty() ? "-" : ", -") + name;
  for (const auto& name : option.get_lnames()) text += (text.empty() ? "--" : ", --") + name;
  return text;
}

constexpr std::array own_types = {"TEXT", "INT", "UINT", "FLOAT", "BOOLEAN"};

std::string kind_of(const CLI::Option& option) {
  if (!takes_value(option)) return "";
  const auto choices = choices_of(option);
  if (choices.empty()) {
    // CLI11 puts what it checks behind its own names of types: FLOAT:POSITIVE.
    const std::string type = option.get_type_name();
    const std::string name = type.substr(0, type.find(':'));
    return std::ranges::find(own_types, name) != own_types.end() ? name : type;
  }
  std::string text;
  for (const auto& choice : choices) text += (text.empty() ? "" : "|") + choice;
  return text;
}

void append_options(std::string& page, const std::vector<const CLI::Option*>& options) {
  for (const auto* option : options) {
    page += ".TP\n\\fB" + roff(flags_of(*option)) + "\\fR";
    if (const auto kind = kind_of(*option); !kind.empty()) page += " \\fI" + roff(kind) + "\\fR";
    page += "\n" + roff(option->get_description()) + "\n";
  }
}

std::string synopsis(const CLI::App& app) {
  std::string text = "\\fB" + roff(full_name(app)) + "\\fR [options]";
  for (const auto* argument : positionals_of(app)) {
    std::string name = roff(argument->get_single_name());
    if (argument->get_items_expected_max() > 1) name += "...";
    text += argument->get_required() ? " \\fI" + name + "\\fR" : " [\\fI" + name + "\\fR]";
  }
  if (!commands_of(app).empty())
    text += app.get_require_subcommand_min() > 0 ? " \\fIcommand\\fR" : " [\\fIcommand\\fR]";
  return text;
}

// Of the programs themselves; their commands refer to them.
const char* exit_status(const CLI::App& program) {
  return program.get_name() == "sluiced"
             ? "0 stopped by a signal, 1 cannot start or go on, 2 wrong command line or "
               "configuration."
             : "0 ok, 1 failed, 2 wrong command line, 3 not found, 4 denied, 5 timeout or "
               "unreachable, 130 interrupted before its work was done.";
}

// The footer without the headline that --help gives it.
std::string examples_of(const CLI::App& app) {
  constexpr std::string_view headline = "Examples:\n";
  std::string text = app.get_footer();
  const auto begin = text.find_first_not_of('\n');
  if (begin != std::string::npos && text.compare(begin, headline.size(), headline) == 0)
    text.erase(0, begin + headline.size());
  return text;
}

std::string page_of(const CLI::App& app) {
  std::string title = page_name(app);
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string page = ".TH " + roff(title) + " 1 \"\" \"sluice " SLUICE_VERSION "\"\n.SH NAME\n" +
                     roff(page_name(app)) + " \\- " + roff(app.get_description()) +
                     "\n.SH SYNOPSIS\n" + synopsis(app) + "\n";
  if (const auto examples = examples_of(app); !examples.empty())
    page += ".SH EXAMPLES\n.nf\n" + roff(examples) + "\n.fi\n";
  if (const auto arguments = positionals_of(app); !arguments.empty()) {
    page += ".SH ARGUMENTS\n";
    for (const auto* argument : arguments)
      page += ".TP\n\\fI" + roff(argument->get_single_name()) + "\\fR\n" +
              roff(argument->get_description()) + "\n";
  }
  if (const auto commands = commands_of(app); !commands.empty()) {
    page += ".SH COMMANDS\n";
    for (const auto* sub : commands)
      page +=
          ".TP\n\\fB" + roff(page_name(*sub)) + "\\fR(1)\n" + roff(sub->get_description()) + "\n";
  }
  page += ".SH OPTIONS\n";
  append_options(page, options_of(app));
  if (app.get_parent() == nullptr)
    page += std::string(".SH EXIT STATUS\n") + exit_status(app) + "\n";
  else
    page += ".SH SEE ALSO\n\\fB" + roff(page_name(*app.get_parent())) + "\\fR(1)\n";
  return page;
}

Exit write_pages(const CLI::App& app, const std::filesystem::path& directory) {
  const auto path = directory / (page_name(app) + ".1");
  std::ofstream file(path, std::ios::trunc);
  file << page_of(app);
  if (!file.flush())
    return complain(Exit::failed, "cannot write " + path.string() + ": " + std::strerror(errno));
  for (const auto* sub : commands_of(app))
    if (const Exit written = write_pages(*sub, directory); written != Exit::ok) return written;
  return Exit::ok;
}

}  // namespace

void add_man(CLI::App& app, CommandLine& line) {
  CLI::App* man = app.add_subcommand("man", "Write the man pages into a directory");
  man->group("");  // hidden: for builds
  auto directory = std::make_shared<std::string>();
  man->add_option("DIRECTORY", *directory, "Directory that exists")->required();
  man->callback([&app, &line, directory] {
    line.chosen = [&app, directory] {
      CLI::App broker;
      broker::CommandFlags flags;
      broker::describe_flags(broker, flags);
      const Exit written = write_pages(broker, *directory);
      return written == Exit::ok ? write_pages(app, *directory) : written;
    };
  });
}

}  // namespace sluice::cli
