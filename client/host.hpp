// What a client stands on: the loop that it runs on and its way to brokers. Shared by the clients
// of one runtime or one embedded broker; made for one client alone otherwise.
//
// ClientOptions::host names it. Null there means a private loop and TCP.
// Internal: public headers only forward-declare this.
#pragma once

#include "base/random.hpp"
#include "client/address.hpp"
#include "client/channel.hpp"
#include "client/loop.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::client {

class Host {
 public:
  virtual ~Host() = default;

  virtual Loop& loop() = 0;
  // Where to begin, instead of ClientOptions::brokers; empty: there.
  virtual std::vector<Address> bootstrap() const { return {}; }
  // A channel to the broker at `address`, not yet open. On the loop. By default: TCP.
  virtual std::shared_ptr<Channel> make_channel(Address address, std::string client_id);
  virtual std::unique_ptr<Random> make_random() { return std::make_unique<SystemRandom>(); }
  // Calls a completion of the user, in a later turn: it may destroy its client. By default: on the
  // loop.
  virtual void complete(std::move_only_function<void()> completion) {
    loop().post(std::move(completion));
  }
};

// A private loop on the system's clock, and TCP.
std::shared_ptr<Host> make_private_host();

}  // namespace sluice::client
