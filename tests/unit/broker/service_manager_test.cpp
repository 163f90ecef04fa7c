#include "broker/service_manager.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::broker {
namespace {

// A manager's socket: abstract, so that nothing is left behind.
class Manager {
 public:
  explicit Manager(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  ~Manager() { ::close(socket_); }
  // What was told next; empty: nothing.
  std::string next() const {
    std::array<char, 256> text{};
    const auto size = ::recv(socket_, text.data(), text.size(), MSG_DONTWAIT);
    return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  }

 private:
  int socket_;
};

TEST(ServiceManager, TellsWhomNotifySocketNames) {
  const std::string name = "sluice-service-test-" + std::to_string(::getpid());
  const Manager manager(name);
  const ServiceManager service({{"HOME", "/"}, {"NOTIFY_SOCKET", "@" + name}});
  service.tell("READY=1\nSTATUS=serving");
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=serving");
  service.tell_reloading();
  EXPECT_TRUE(manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
}

TEST(ServiceManager, AManagerThatIsMissingOrCannotBeNamedIsNoFault) {
  ServiceManager({}).tell("READY=1");
  ServiceManager({{"NOTIFY_SOCKET", "@nobody-listens-here"}}).tell("READY=1");
  ServiceManager({{"NOTIFY_SOCKET", std::string(4000, '/')}}).tell("READY=1");
  ServiceManager({{"NOTIFY_SOCKET", "vsock:2:1"}}).tell("READY=1");
}

TEST(Journal, IsWhatJournalStreamNames) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  struct stat status{};
  ASSERT_EQ(::fstat(ends[1], &status), 0);
  const std::string here = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  EXPECT_TRUE(is_journal({{"JOURNAL_STREAM", here}}, ends[1]));
  EXPECT_FALSE(is_journal({{"JOURNAL_STREAM", here + "1"}}, ends[1]));
  EXPECT_FALSE(is_journal({}, ends[1]));
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_FALSE(is_journal({{"JOURNAL_STREAM", here}}, ends[1]));
}

}  // namespace
}  // namespace sluice::broker
