#include "broker/local_session.hpp"

#include "broker/broker.hpp"
#include "broker/dispatch.hpp"
#include "broker/fetch_waiter.hpp"
#include "broker/handlers/share_handlers.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

std::unexpected<Error> gone(std::string what) {
  return fail(std::make_error_code(std::errc::connection_aborted), std::move(what));
}

std::vector<std::byte> joined(const protocol::GatherBuffer& reply) {
  std::vector<std::byte> bytes;
  bytes.reserve(reply.size());
  reply.for_each_piece(
      [&bytes](Bytes piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
  bytes.erase(bytes.begin(), bytes.begin() + protocol::frame_prefix_size);
  return bytes;
}

Peer local_peer(const Broker& broker) {
  Peer peer{.client_host = "/in-process", .local = {"in-process", 0}};
  if (!broker.addresses().empty()) peer.local = broker.addresses().front();
  return peer;
}

}  // namespace

// Counts a call for as long as it lives, so that a stop waits for it.
class LocalSession::Visit {
 public:
  Visit(LocalSession& session, Shard& shard) : session_(session), shard_(shard) {
    shard_.begin_local_call();
    list().push_back(&parked);
    parked.abandoned = session.abandoned_[index()] != 0;
  }
  ~Visit() {
    std::erase(list(), &parked);
    shard_.end_local_call();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  Shard& shard() { return shard_; }
  ParkedFetch parked;
  FetchSessions sessions;  // of a request without one: those of frames are the session's

 private:
  std::size_t index() const { return static_cast<std::size_t>(shard_.id()); }
  std::vector<ParkedFetch*>& list() { return session_.parked_[index()]; }

  LocalSession& session_;
  Shard& shard_;
};

LocalSession::LocalSession(Broker& broker, std::string client_id)
    : home_(broker.shard(0)),
      client_id_(std::move(client_id)),
      peer_(local_peer(broker)),
      parked_(static_cast<std::size_t>(broker.shard_count())),
      abandoned_(parked_.size()) {}

Shard& LocalSession::shard_of(const TopicId& topic, PartitionIndex partition) {
  return home_.broker().home_of({topic, partition});
}

std::unique_ptr<Request> LocalSession::make_request(Shard& shard, FetchSessions& sessions,
                                                    ParkedFetch& parked) const {
  auto request = std::make_unique<Request>(
      Request{shard, peer_, sessions, parked, shard.catalog(), shard.options(), {}});
  request->handout = storage::Handout::memory;
  return request;
}

std::unique_ptr<Request> LocalSession::make_request(Visit& visit, protocol::ApiKey api,
                                                    std::int16_t version) const {
  auto request = make_request(visit.shard(), visit.sessions, visit.parked);
  request->parsed.header = {
      .api_key = static_cast<std::int16_t>(api), .version = version, .client_id = client_id_};
  return request;
}

Task<Result<std::vector<std::byte>>> LocalSession::exchange(std::vector<std::byte> frame) {
  if (home_.stopping()) co_return gone("the broker is stopping");
  Visit visit{*this, home_};
  auto request = make_request(home_, sessions_, visit.parked);
  const protocol::WireError error = protocol::parse_request(frame, request->parsed);
  ++exchanges_;
  const Served served = co_await dispatch(*request, error);
  if (--exchanges_ == 0) no_exchange_.notify();
  if (served == Served::close) co_return gone("the request was refused");
  if (served == Served::silent) co_return std::vector<std::byte>{};
  co_return joined(request->reply);
}

Task<Result<LocalAnswer<protocol::ProduceResponse>>> LocalSession::produce(
    Shard* shard, const protocol::ProduceRequest* message, std::int16_t version) {
  if (shard->stopping()) co_return gone("the broker is stopping");
  Visit visit{*this, *shard};
  LocalAnswer<protocol::ProduceResponse> answer;
  answer.request = make_request(visit, protocol::ApiKey::produce, version);
  answer.body = co_await answer_produce(*answer.request, *message);
  co_return answer;
}

Task<Result<LocalAnswer<FetchReply>>> LocalSession::fetch(Shard* shard,
                                                          const protocol::FetchRequest* message,
                                                          std::int16_t version) {
  if (shard->stopping()) co_return gone("the broker is stopping");
  Visit visit{*this, *shard};
  LocalAnswer<FetchReply> answer;
  answer.request = make_request(visit, protocol::ApiKey::fetch, version);
  answer.body = co_await answer_fetch(*answer.request, *message);
  co_return answer;
}

void LocalSession::abandon(Shard& shard) {
  const auto index = static_cast<std::size_t>(shard.id());
  abandoned_[index] = 1;
  for (ParkedFetch* parked : parked_[index]) {
    parked->abandoned = true;
    if (const auto waiter = parked->waiter.lock()) waiter->wake();
  }
}

Task<> LocalSession::end_share_sessions() {
  while (exchanges_ > 0) co_await no_exchange_.wait();
  for (ShareSession& session : sessions_.share().take_all())
    co_await release_share_session(home_, std::move(session));
}

}  // namespace sluice::broker
