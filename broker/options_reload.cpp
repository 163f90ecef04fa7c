#include "broker/options_reload.hpp"

namespace sluice::broker {
namespace {

void take(const ConfigRow<Options>& row, const Options& from, Options& into) {
  std::visit([&](auto member) { into.*member = from.*member; }, row.member);
  const auto setting = from.settings.find(row.name);
  if (setting == from.settings.end())
    into.settings.erase(std::string(row.name));
  else
    into.settings[std::string(row.name)] = setting->second;
}

}  // namespace

Reload plan_reload(const Options& running, const Options& loaded) {
  Reload reload{running, {}};
  for (const auto& row : option_rows()) {
    const auto before = config_text(row, running);
    const auto after = config_text(row, loaded);
    const bool live = row.details.change == Change::dynamic;
    if (before != after)
      reload.changes.push_back({row.name, before.value_or(""), after.value_or(""), live});
    if (live || before == after) take(row, loaded, reload.options);
  }
  return reload;
}

}  // namespace sluice::broker
