// Names that the system is slow to look up: its resolver is replaced, in this program, by one that
// answers for "slow.test" only when told to.
#include "sluice/admin.hpp"
#include "sluice/runtime.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <dlfcn.h>
#include <netdb.h>
#include <string_view>

namespace {
std::atomic<bool> released{false};
}

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  if (node != nullptr && std::string_view(node) == "slow.test") {
    released.wait(false);
    return EAI_AGAIN;
  }
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto system = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return system(node, service, hints, found);
}

namespace sluice {
namespace {

TEST(Lookup, ACallEndsAtItsDeadlineThoughTheSystemStillLooks) {
  auto runtime = *Runtime::create();
  for (const bool on_runtime : {true, false}) {
    released = false;
    ClientOptions options{.brokers = {"slow.test:9092"}};
    if (on_runtime) options.host = runtime.host();
    auto admin = *Admin::create(options);
    const auto listed = admin.topics(Deadline::in(std::chrono::milliseconds(1)));
    ASSERT_FALSE(listed);
    EXPECT_TRUE(listed.error().is(Errc::unreachable)) << listed.error().message();
    released = true;
    released.notify_all();
  }
}

TEST(Lookup, AnAdminMayEndWhileTheSystemLooks) {
  auto runtime = *Runtime::create();
  released = false;
  bool told = false;
  {
    auto admin = *Admin::create({.brokers = {"slow.test:9092"}, .host = runtime.host()});
    const Done<ClusterInfo> done{[](void* context, Result<ClusterInfo> cluster) {
                                   EXPECT_FALSE(cluster);
                                   *static_cast<bool*>(context) = true;
                                 },
                                 &told};
    admin.cluster(done, Deadline::in(std::chrono::hours(1)));
  }
  released = true;
  released.notify_all();
  runtime = *Runtime::create();  // the last copy of the former one: its thread has ended
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace sluice
