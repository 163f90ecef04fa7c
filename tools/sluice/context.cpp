#include "tools/sluice/context.hpp"

#include "sluice/error.hpp"
#include "tools/sluice/commands.hpp"
#include "tools/sluice/contexts.hpp"
#include "tools/sluice/families.hpp"
#include "tools/sluice/json.hpp"
#include "tools/sluice/text.hpp"

#include <string>
#include <vector>

namespace sluice::cli {
namespace {

struct ContextNameOptions {
  std::string name;
};
struct ContextSetOptions {
  std::string name;
  std::vector<std::string> fields;  // NAME=VALUE
};

// The file and what is in it; says what is wrong when there is no path.
struct Loaded {
  std::filesystem::path path;
  Contexts contexts;
  Exit status = Exit::ok;
};

Loaded load() {
  const auto path = contexts_path();
  if (!path) return {{}, {}, complain(Exit::failed, "neither XDG_CONFIG_HOME nor HOME is set")};
  auto contexts = load_contexts(*path);
  if (!contexts && contexts.error().is(Errc::invalid_argument))
    return {*path, {}, complain(Exit::failed, contexts.error().context)};
  if (!contexts)
    return {*path, {}, complain(exit_for(contexts.error()), contexts.error().message())};
  return {*path, std::move(*contexts)};
}

Exit save(const Loaded& loaded) {
  if (const auto saved = save_contexts(loaded.path, loaded.contexts); !saved)
    return complain(exit_for(saved.error()), saved.error().message());
  return Exit::ok;
}

Exit no_such_context(const Contexts& contexts, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, context] : contexts.all) names.push_back(known);
  return no_such("context", name, names);
}

void append(JsonWriter& json, const std::string& name, const Context& context, bool current) {
  json.begin_object().field("name", name).field("current", current);
  json.field("brokers", context.brokers).field("http", context.http);
  json.field("timeout", context.timeout_seconds).end_object();
}

Exit context_list(const Global& global) {
  const auto loaded = load();
  if (loaded.status != Exit::ok) return loaded.status;
  const auto& [current, all] = loaded.contexts;
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    json.begin_array();
    for (const auto& [name, context] : all) append(json, name, context, name == current);
    json.end_array();
    out.write("\n");
    return Exit::ok;
  }
  if (all.empty()) {
    say(global, "no contexts; make one: sluice context set NAME brokers=HOST:PORT");
    return Exit::ok;
  }
  Table table({{"CURRENT"}, {"NAME"}, {"BROKERS"}, {"HTTP"}});
  for (const auto& [name, context] : all)
    table.add({name == current ? "*" : "", name, context.brokers.value_or("-"),
               context.http.value_or("-")});
  out.write(table.to_string(style_for(1)));
  return Exit::ok;
}

Exit context_use(const Global& global, const ContextNameOptions& options) {
  auto loaded = load();
  if (loaded.status != Exit::ok) return loaded.status;
  if (!loaded.contexts.all.contains(options.name))
    return no_such_context(loaded.contexts, options.name);
  loaded.contexts.current = options.name;
  const Exit saved = save(loaded);
  if (saved == Exit::ok) say(global, "commands now use context '" + options.name + "'");
  return saved;
}

Exit context_set(const Global& global, const ContextSetOptions& options) {
  auto loaded = load();
  if (loaded.status != Exit::ok) return loaded.status;
  auto& context = loaded.contexts.all[options.name];
  for (const auto& text : options.fields) {
    const auto parts = name_and_value(text);
    if (!parts) return complain(Exit::usage, "'" + text + "' is not NAME=VALUE");
    if (const auto set = set_field(context, parts->first, parts->second); !set)
      return complain(Exit::usage, set.error().context);
  }
  if (loaded.contexts.current.empty()) loaded.contexts.current = options.name;
  const Exit saved = save(loaded);
  if (saved == Exit::ok)
    say(global, "saved context '" + options.name + "' in " + loaded.path.string() +
                    (loaded.contexts.current == options.name
                         ? "; it is in use"
                         : "; use it: sluice context use " + options.name));
  return saved;
}

Exit context_show(const Global& global, const ContextNameOptions& options) {
  const auto loaded = load();
  if (loaded.status != Exit::ok) return loaded.status;
  const auto& name = options.name.empty() ? loaded.contexts.current : options.name;
  if (name.empty()) return complain(Exit::not_found, "no context is in use");
  const auto at = loaded.contexts.all.find(name);
  if (at == loaded.contexts.all.end()) return no_such_context(loaded.contexts, name);
  const auto& context = at->second;
  Output out;
  if (global.json) {
    JsonWriter json(out.buffer());
    append(json, name, context, name == loaded.contexts.current);
    out.write("\n");
    return Exit::ok;
  }
  std::string text = "context  " + name;
  if (context.brokers) text += "\nbrokers  " + *context.brokers;
  if (context.http) text += "\nhttp     " + *context.http;
  if (context.timeout_seconds)
    text += "\ntimeout  " +
            std::to_string(whole_units(*context.timeout_seconds, pause_ms_max / 1000)) + " s";
  out.write(text + "\n");
  return Exit::ok;
}

Exit context_delete(const Global& global, const ContextNameOptions& options) {
  auto loaded = load();
  if (loaded.status != Exit::ok) return loaded.status;
  if (loaded.contexts.all.erase(options.name) == 0)
    return no_such_context(loaded.contexts, options.name);
  if (loaded.contexts.current == options.name) loaded.contexts.current.clear();
  const Exit saved = save(loaded);
  if (saved == Exit::ok) say(global, "deleted context '" + options.name + "'");
  return saved;
}

}  // namespace

Exit apply_context(const CLI::App& app, Global& global) {
  const auto path = contexts_path();
  if (!path) return Exit::ok;
  std::error_code unseen;  // load() says why
  const bool missing = !std::filesystem::exists(*path, unseen) && !unseen;
  if (missing && global.context.empty()) return Exit::ok;
  const auto loaded = load();
  if (loaded.status != Exit::ok) return loaded.status;
  const auto& name = global.context.empty() ? loaded.contexts.current : global.context;
  if (name.empty()) return Exit::ok;
  const auto at = loaded.contexts.all.find(name);
  if (at == loaded.contexts.all.end()) return no_such_context(loaded.contexts, name);
  const auto& context = at->second;
  const auto is_said = [&](const char* option) { return app.get_option(option)->count() > 0; };
  if (context.brokers && !is_said("--brokers")) global.brokers = *context.brokers;
  if (context.http && !is_said("--http")) global.http = *context.http;
  if (context.timeout_seconds && !is_said("--timeout"))
    global.timeout_seconds = *context.timeout_seconds;
  return Exit::ok;
}

void add_context(CLI::App& app, CommandLine& line) {
  CLI::App& contexts =
      CommandLine::family(app, "context", "Named clusters: which brokers commands speak to");
  contexts.footer(
      "Examples:\n"
      "  sluice context set staging brokers=10.0.0.1:9092 http=10.0.0.1:9644\n"
      "  sluice context use staging\n"
      "  sluice --context local topics list\n"
      "The command line beats the environment (SLUICE_BROKERS, SLUICE_HTTP, SLUICE_TIMEOUT), "
      "which\n"
      "beats the context.");
  line.command(contexts, "list", "All contexts", context_list);
  const auto use =
      line.command<ContextNameOptions>(contexts, "use", "Let commands use a context", context_use);
  use->add_option("CONTEXT", use.options.name, "Context to use")->required();
  const auto set =
      line.command<ContextSetOptions>(contexts, "set", "Make or change a context", context_set);
  set->add_option("CONTEXT", set.options.name, "Context to change")->required();
  set->add_option("FIELD", set.options.fields,
                  "brokers=HOST:PORT,... http=HOST:PORT timeout=SECONDS; empty takes it away")
      ->required();
  const auto show =
      line.command<ContextNameOptions>(contexts, "show", "What is in a context", context_show);
  show->add_option("CONTEXT", show.options.name, "Context to show (default: the one in use)");
  const auto drop =
      line.command<ContextNameOptions>(contexts, "delete", "Forget a context", context_delete);
  drop->add_option("CONTEXT", drop.options.name, "Context to forget")->required();
}

}  // namespace sluice::cli
