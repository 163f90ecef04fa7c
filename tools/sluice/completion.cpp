#include "tools/sluice/completion.hpp"

#include "sluice/admin.hpp"
#include "tools/sluice/command_tree.hpp"
#include "tools/sluice/context.hpp"
#include "tools/sluice/contexts.hpp"
#include "tools/sluice/families.hpp"
#include "tools/sluice/outcome.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace sluice::cli {
namespace {

constexpr double live_timeout_seconds = 1;  // nobody waits longer for a key

// What a name in --help stands for: of an option its type, of an argument its own.
Completion::Live live_of(const std::string& name) {
  using Live = Completion::Live;
  if (name == "TOPIC") return Live::topics;
  if (name == "GROUP") return Live::groups;
  return name == "CONTEXT" ? Live::contexts : Live::none;
}

Completion of_option_value(const CLI::Option& option) {
  return {choices_of(option), live_of(option.get_type_name())};
}

Completion of_positional(const CLI::App& at, std::size_t index) {
  const auto positionals = positionals_of(at);
  if (positionals.empty()) return {};
  const auto& option = *positionals[std::min(index, positionals.size() - 1)];
  if (index >= positionals.size() && option.get_items_expected_max() <= 1) return {};
  const std::string name = option.get_single_name();
  if (name == "KIND") return {{"topic", "broker", "group"}, Completion::Live::none};
  return {choices_of(option), live_of(name)};
}

std::vector<std::string> contexts() {
  std::vector<std::string> names;
  if (const auto path = contexts_path())
    if (const auto loaded = load_contexts(*path))
      for (const auto& [name, context] : loaded->all) names.push_back(name);
  return names;
}

std::vector<std::string> live_names(const Global& global, Completion::Live live) {
  if (live == Completion::Live::contexts) return contexts();
  std::vector<std::string> names;
  auto admin = Admin::create(global.client_options());
  if (!admin) return names;
  if (live == Completion::Live::topics)
    if (const auto topics = admin->topics())
      for (const auto& topic : *topics)
        if (!topic.internal) names.push_back(topic.name);
  if (live == Completion::Live::groups)
    if (const auto groups = admin->groups())
      for (const auto& group : *groups) names.push_back(group.id);
  return names;
}

// The value of an option among unfinished words.
std::optional<std::string> value_of(const CLI::App& app, const std::vector<std::string>& typed,
                                    const char* long_name) {
  for (std::size_t i = 0; i + 1 < typed.size(); ++i) {
    if (!typed[i].starts_with('-')) continue;
    const auto found = option_word(app, typed[i]);
    if (found.option != app.get_option(long_name)) continue;
    if (found.value_follows) return typed[i + 1];
    return typed[i].substr(found.name.size() + (typed[i].starts_with("--") ? 1 : 0));
  }
  return std::nullopt;
}

struct CompletionOptions {
  std::string shell;
};

// readline cuts words at ':' and '=' too (127.0.0.1:9092, --output=json): the script puts them
// together, and takes off again what readline leaves in place.
constexpr const char* bash_script =
    "_sluice() {\n"
    "  local IFS=$'\\n' word joined='' n=0 words=()\n"
    "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do\n"
    "    if [[ $n -gt 0 && ( $joined || $word == [:=] ) ]]; then\n"
    "      words[n-1]+=$word\n"
    "    else\n"
    "      words[n++]=$word\n"
    "    fi\n"
    "    [[ $word == [:=] ]] && joined=1 || joined=''\n"
    "  done\n"
    "  [[ $word == [:=] ]] && word=''\n"
    "  COMPREPLY=($(\"$1\" __complete \"${words[@]}\" 2>/dev/null))\n"
    "  local typed=${words[n-1]}\n"
    "  COMPREPLY=(\"${COMPREPLY[@]#\"${typed%\"$word\"}\"}\")\n"
    "}\n"
    "complete -o default -F _sluice sluice\n";
// Read from a startup file, or as _sluice from a directory of $fpath: then the first call is one
// to complete.
constexpr const char* zsh_script =
    "#compdef sluice\n"
    "_sluice() {\n"
    "  local -a found\n"
    "  found=(${(f)\"$(\"$words[1]\" __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
    "  if (( $#found )); then compadd -a found; else _files; fi\n"
    "}\n"
    "if [[ $funcstack[1] == _sluice ]]; then _sluice; else compdef _sluice sluice; fi\n";
constexpr const char* fish_script =
    "function __sluice_complete\n"
    "  set -l words (commandline -opc)\n"
    "  set -l current (commandline -ct)\n"
    "  set -l found (command $words[1] __complete $words[2..-1] \"$current\" 2>/dev/null)\n"
    "  if test (count $found) -gt 0\n"
    "    printf '%s\\n' $found\n"
    "  else\n"
    "    __fish_complete_path \"$current\"\n"
    "  end\n"
    "end\n"
    "complete -c sluice -f -a '(__sluice_complete)'\n";

Exit print_script(const Global& global, const CompletionOptions& options) {
  const char* const script = options.shell == "bash"  ? bash_script
                             : options.shell == "zsh" ? zsh_script
                                                      : fish_script;
  if (!global.json) Output().write(script);
  print_document(global, [&](JsonWriter& json) {
    json.field("shell", options.shell).field("script", script);
  });
  return Exit::ok;
}

}  // namespace

Completion completion(const CLI::App& app, const std::vector<std::string>& typed) {
  if (typed.empty()) return {};
  const CLI::App* at = &app;
  const CLI::Option* waiting = nullptr;  // for its value
  std::size_t arguments = 0;
  for (std::size_t i = 0; i + 1 < typed.size(); ++i) {
    const auto& word = typed[i];
    if (std::exchange(waiting, nullptr) != nullptr) continue;
    if (word.size() > 1 && word.starts_with('-')) {
      const auto found = option_word(*at, word);
      if (found.value_follows) waiting = found.option;
      continue;
    }
    const auto commands = commands_of(*at);
    const auto sub = std::find_if(commands.begin(), commands.end(),
                                  [&](const auto* one) { return one->check_name(word); });
    if (sub != commands.end())
      at = *sub;
    else
      ++arguments;
  }
  if (waiting != nullptr) return of_option_value(*waiting);
  if (const auto& last = typed.back(); last.starts_with('-')) {
    const auto equals = last.starts_with("--") ? last.find('=') : std::string::npos;
    if (equals == std::string::npos) return {option_names(at), Completion::Live::none};
    const auto found = option_word(*at, last);
    if (found.option == nullptr || !takes_value(*found.option)) return {};
    auto values = of_option_value(*found.option);
    values.before = last.substr(0, equals + 1);
    return values;
  }
  const auto commands = commands_of(*at);
  if (commands.empty()) return of_positional(*at, arguments);
  Completion found;
  for (const auto* sub : commands) found.words.push_back(sub->get_name());
  return found;
}

Exit complete(const CLI::App& app, const std::vector<std::string>& typed) {
  auto found = completion(app, typed);
  if (found.live != Completion::Live::none) {
    Global global;
    global.context = value_of(app, typed, "--context").value_or("");
    if (apply_context(app, global) != Exit::ok) return Exit::ok;
    if (const char* brokers = std::getenv("SLUICE_BROKERS")) global.brokers = brokers;
    if (const auto brokers = value_of(app, typed, "--brokers")) global.brokers = *brokers;
    global.timeout_seconds = live_timeout_seconds;
    found.words = live_names(global, found.live);
  }
  std::sort(found.words.begin(), found.words.end());
  Output out;
  for (const auto& word : found.words)
    if ((found.before + word).starts_with(typed.back())) out.write(found.before + word + "\n");
  return Exit::ok;
}

void add_completion(CLI::App& app, CommandLine& line) {
  const auto added = line.command<CompletionOptions>(
      app, "completion", "The script that lets a shell complete commands, topics and groups",
      print_script);
  added->add_option("SHELL", added.options.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  added->footer(
      "Examples:\n"
      "  source <(sluice completion bash)\n"
      "  sluice completion zsh > ~/.zfunc/_sluice\n"
      "  sluice completion fish > ~/.config/fish/completions/sluice.fish");
}

}  // namespace sluice::cli
