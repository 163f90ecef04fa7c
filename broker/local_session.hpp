// A client in the same process, as the broker sees it: requests come as messages, or as frames
// where speed does not matter, without a socket between.
//
// Records are neither serialised nor copied on the way: a batch goes from the caller's memory into
// the tail of its log, and a fetch answers with the log's own memory.
#pragma once

#include "base/bytes.hpp"
#include "base/event.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "broker/handlers/handlers.hpp"
#include "broker/request.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::broker {

class Broker;

// An answer and what its views point into. May be released on any thread.
template <class Body>
struct LocalAnswer {
  std::unique_ptr<Request> request;
  Body body{};
};

// Any thread may make and destroy one. Its tasks run on shards: see each. A call that is under way
// keeps the broker from stopping; the session must outlive its calls.
class LocalSession {
 public:
  // `broker` outlives it.
  LocalSession(Broker& broker, std::string client_id);
  LocalSession(const LocalSession&) = delete;
  LocalSession& operator=(const LocalSession&) = delete;

  // Where frames are served.
  Shard& home() { return home_; }
  // Where a request for this partition is served without another hop.
  Shard& shard_of(const TopicId& topic, PartitionIndex partition);

  // On home(): one request frame, without its size prefix, to the answer's, without it as well.
  // Errors: connection_aborted where a connection would be closed (the request does not parse, or
  // the broker is stopping).
  Task<Result<std::vector<std::byte>>> exchange(std::vector<std::byte> frame);

  // On `shard`, any, best shard_of() the first partition. Appends begin in the order of the calls.
  // Lifetime: `message`, and the records it shows, must stay until the answer.
  // Errors: connection_aborted when the broker is stopping.
  Task<Result<LocalAnswer<protocol::ProduceResponse>>> produce(
      Shard* shard, const protocol::ProduceRequest* message, std::int16_t version);
  // The same for a fetch. What the answer's slices show outlives everything.
  Task<Result<LocalAnswer<FetchReply>>> fetch(Shard* shard, const protocol::FetchRequest* message,
                                              std::int16_t version);

  // On `shard`, for each of them: fetches that wait for data return, later ones do not wait.
  void abandon(Shard& shard);
  // On home(), after abandon(): once no exchange is under way, what share sessions hold is
  // available again.
  Task<> end_share_sessions();

 private:
  class Visit;
  std::unique_ptr<Request> make_request(Shard& shard, FetchSessions& sessions,
                                        ParkedFetch& parked) const;
  std::unique_ptr<Request> make_request(Visit& visit, protocol::ApiKey api,
                                        std::int16_t version) const;

  Shard& home_;
  std::string client_id_;
  Peer peer_;
  FetchSessions sessions_;     // of home_
  std::size_t exchanges_ = 0;  // under way on home_
  Event no_exchange_;
  std::vector<std::vector<ParkedFetch*>> parked_;  // by shard; each touched there only
  std::vector<char> abandoned_;                    // the same
};

}  // namespace sluice::broker
