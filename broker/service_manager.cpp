#include "broker/service_manager.hpp"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::broker {

ServiceManager::ServiceManager(const Environment& environment) {
  const auto named =
      std::ranges::find(environment, "NOTIFY_SOCKET", &Environment::value_type::first);
  if (named == environment.end()) return;
  const std::string& path = named->second;
  const bool valid = path.size() > 1 && (path[0] == '/' || path[0] == '@') &&
                     path.size() < sizeof(sockaddr_un::sun_path);
  if (!valid) return;
  path_ = path;
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

ServiceManager::~ServiceManager() {
  if (socket_ >= 0) ::close(socket_);
}

void ServiceManager::tell(std::string_view lines) const {
  if (socket_ < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path_, address.sun_path);
  if (path_[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  (void)::sendto(socket_, lines.data(), lines.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
}

void ServiceManager::tell_reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

bool is_journal(const Environment& environment, int descriptor) {
  const auto named =
      std::ranges::find(environment, "JOURNAL_STREAM", &Environment::value_type::first);
  struct stat status{};
  if (named == environment.end() || ::fstat(descriptor, &status) != 0) return false;
  return named->second == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

}  // namespace sluice::broker
