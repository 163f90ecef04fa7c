// The C interface: connecting, errors, topics.
#include "client/c/handles.hpp"
#include "sluice/admin.hpp"

#include <algorithm>
#include <memory>

namespace sluice::c {

int failed(std::string& text, const Error& error) {
  text = error.message();
  const int number = error.code.value();
  if (error.code.category() == client_category()) return -number;
  if (error.code.category() == broker_category()) return SLUICE_BROKER_ERROR - number;
  return SLUICE_SYSTEM_ERROR - number;
}

Deadline deadline(int timeout_ms) {
  return timeout_ms < 0 ? Deadline{} : Deadline::in(std::chrono::milliseconds(timeout_ms));
}

int closed(std::string& text) { return failed(text, {Errc::closed, "it was not opened"}); }

std::string_view text_or_nothing(const char* text) { return text ? text : std::string_view{}; }

Result<> finish(sluice_broker& broker, std::string_view settings) {
  if (auto read = read_settings(broker.client, settings); !read) return read;
  auto runtime = Runtime::create();
  if (!runtime) return std::unexpected(runtime.error());
  broker.runtime = std::move(*runtime);
  broker.client.host = broker.runtime->host();
  broker.client = broker.connect(std::move(broker.client));
  // Refuses what cannot be an address, before anything is connected.
  const auto admin = Admin::create(broker.client);
  return admin ? Result<>{} : std::unexpected(admin.error());
}

}  // namespace sluice::c

using namespace sluice::c;

extern "C" {

const char* sluice_version(void) { return SLUICE_VERSION; }

int sluice_retriable(int error) {
  std::error_code code;
  if (error <= SLUICE_SYSTEM_ERROR)
    code = {SLUICE_SYSTEM_ERROR - error, std::system_category()};
  else if (error <= SLUICE_BROKER_ERROR)
    code = sluice::broker_error(static_cast<std::int16_t>(SLUICE_BROKER_ERROR - error));
  else
    code = static_cast<sluice::Errc>(-error);
  return error < 0 && sluice::retriable(code) ? 1 : 0;
}

int sluice_connect(const char* brokers, const char* settings, sluice_broker** broker) {
  auto made = std::make_unique<sluice_broker>();
  made->connect = [addresses = split(text_or_nothing(brokers))](sluice::ClientOptions base) {
    base.brokers = addresses;
    return base;
  };
  *broker = made.release();
  return done((*broker)->error, finish(**broker, text_or_nothing(settings)));
}

const char* sluice_broker_error(const sluice_broker* broker) { return broker->error.c_str(); }

void sluice_broker_close(sluice_broker* broker) { std::unique_ptr<sluice_broker> owned(broker); }

int sluice_create_topic(sluice_broker* broker, const char* topic, int32_t partitions,
                        int timeout_ms) {
  auto admin = sluice::Admin::create(broker->client);
  if (!admin) return done(broker->error, admin);
  const sluice::NewTopic wanted{.name = topic, .partitions = partitions};
  return done(broker->error,
              admin->create_topic(wanted, sluice::Commit::yes, deadline(timeout_ms)));
}

}  // extern "C"
