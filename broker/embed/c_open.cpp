// The C interface: a broker in this process. Only where the broker is linked, too.
#include "client/c/handles.hpp"
#include "sluice/broker.hpp"

#include <memory>
#include <utility>

using namespace sluice::c;

namespace {

// Settings are the broker's; it has threads of its own, as a caller in C cannot drive it.
sluice::Result<sluice::BrokerOptions> options_of(const char* directory, std::string_view settings) {
  sluice::BrokerOptions options;
  options.directory = text_or_nothing(directory);
  options.drive = sluice::Drive::threads;
  for (const auto& [name, value] : lines(settings)) {
    if (value.empty())
      return sluice::fail(sluice::Errc::invalid_argument, "no value: " + std::string(name));
    if (name == "listeners")
      options.listeners = split(value);
    else
      options.settings.emplace(name, value);
  }
  return options;
}

}  // namespace

extern "C" int sluice_open(const char* directory, const char* settings, sluice_broker** broker) {
  *broker = std::make_unique<sluice_broker>().release();
  auto options = options_of(directory, text_or_nothing(settings));
  if (!options) return done((*broker)->error, options);
  auto opened = sluice::Broker::open(std::move(*options));
  if (!opened) return done((*broker)->error, opened);
  auto shared = std::make_shared<sluice::Broker>(std::move(*opened));
  (*broker)->connect = [shared](sluice::ClientOptions base) { return shared->connect(base); };
  return done((*broker)->error, finish(**broker, {}));
}
