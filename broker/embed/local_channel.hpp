// The client's way into a broker of the same process (client/channel.hpp): a batch of a producer is
// copied once, into its log; a fetch hands out the log's own memory.
#pragma once

#include "broker/embed/core.hpp"
#include "client/channel.hpp"
#include "client/host.hpp"

#include <memory>
#include <string>

namespace sluice::embed {

// What stands where others have the address of a broker.
client::Address local_address(Core& core);

// `loop` is the client's; `keeper` keeps it alive while the broker works for it (null: it is the
// broker's own). On the loop.
std::shared_ptr<client::Channel> make_local_channel(std::shared_ptr<Core> core, client::Loop& loop,
                                                    std::shared_ptr<client::Host> keeper,
                                                    client::Address address, std::string client_id);

// Slices as the log hands them out, in which a batch may continue in the next one, to slices of
// whole batches: a batch that is split is copied. What follows the last whole batch is dropped.
std::vector<protocol::RecordsSlice> whole_batches(std::vector<protocol::RecordsSlice> slices);

}  // namespace sluice::embed
