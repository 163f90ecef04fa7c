// One request while it is served: what it says, who sent it, and what its reply is made of.
#pragma once

#include "base/bytes.hpp"
#include "broker/affinity.hpp"
#include "broker/catalog.hpp"
#include "broker/metrics/request_times.hpp"
#include "broker/options.hpp"
#include "broker/reply_arena.hpp"
#include "protocol/frame.hpp"
#include "storage/aligned_buffer.hpp"
#include "storage/log.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace sluice::broker {

class FetchSessions;
class FetchWaiter;
class Shard;

// What a handler needs to know of the connection.
struct Peer {
  std::string client_host;   // "/127.0.0.1", as Kafka reports it in groups
  Endpoint local;            // the address the client reached us at
  std::size_t listener = 0;  // index in Options::listeners
};

// Lets a connection that is gone end the fetch it has parked.
struct ParkedFetch {
  std::weak_ptr<FetchWaiter> waiter;
  bool abandoned = false;
};

struct Request {
  Shard& shard;  // of the connection
  const Peer& peer;
  FetchSessions& sessions;  // of the connection
  ParkedFetch& parked;      // of the connection
  // Snapshots taken when the request arrived.
  CatalogSnapshot catalog;
  std::shared_ptr<const Options> options;
  storage::AlignedBuffer frame;  // what the views below point into
  protocol::RequestFrame parsed{};
  ReplyArena arena{};                  // owns the strings of the reply until it is encoded
  protocol::GatherBuffer reply{};      // the encoded reply, size prefix first; empty: there is none
  int served_by = Affinity::no_shard;  // where its partitions are
  storage::Handout handout = storage::Handout::files;  // what a fetch may answer with
  RequestTimes times{};

  std::int16_t version() const { return parsed.header.version; }
  std::string_view client_id() const { return parsed.header.client_id.value_or(""); }
};

enum class Served : std::uint8_t {
  replied,  // Request::reply is to be sent
  silent,   // produce with acks=0
  close,    // the connection is to be closed, without a reply
};

}  // namespace sluice::broker
