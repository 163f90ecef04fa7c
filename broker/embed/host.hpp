// What clients on an embedded broker stand on: the broker's own loop, where the caller drives it;
// else a private loop for each client, or the runtime's that the user chose.
#pragma once

#include "broker/embed/core.hpp"
#include "client/host.hpp"

#include <memory>

namespace sluice::embed {

// `inner` is the host of a Runtime, or null.
std::shared_ptr<client::Host> make_host(std::shared_ptr<Core> core,
                                        std::shared_ptr<client::Host> inner);

// Never frees it: for what cannot be taken apart.
void keep_forever(std::shared_ptr<Core> core);

}  // namespace sluice::embed
