#include "broker/embed/local_channel.hpp"

#include "broker/dispatch.hpp"
#include "broker/local_session.hpp"
#include "protocol/api.hpp"
#include "protocol/record_batch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <list>
#include <optional>
#include <utility>

namespace sluice::embed {
namespace {

using broker::LocalSession;
using protocol::Records;
using protocol::RecordsSlice;

constexpr protocol::Version version_with_ids = 13;

// A call to a shard that somebody on the client's loop waits for, until its deadline.
template <class T>
struct Pending {
  explicit Pending(client::Loop& loop) : timer(loop.timers().make_timer()) {}
  std::unique_ptr<Timer> timer;
  std::optional<Result<T>> value;
};

// What a call holds while the broker works on it, though its caller may have gone.
struct Held {
  std::shared_ptr<Core> core;
  std::shared_ptr<client::Host> keeper;
  std::shared_ptr<LocalSession> session;
};

struct ProduceWork {
  protocol::ProduceRequest message;
  std::vector<std::shared_ptr<const void>> owners;  // of the batches
};
struct FetchWork {
  protocol::FetchRequest message;
};

using Bytestring = std::vector<std::byte>;
using ProduceAnswer = broker::LocalAnswer<protocol::ProduceResponse>;
using FetchAnswer = broker::LocalAnswer<broker::FetchReply>;

// On the shard. Each names all it needs, by value.
Task<Result<Bytestring>> exchange_on(Held held, Core::Visit, broker::Shard*, Bytestring frame) {
  co_return co_await held.session->exchange(std::move(frame));
}
Task<Result<ProduceAnswer>> produce_on(Held held, Core::Visit, broker::Shard* shard,
                                       std::shared_ptr<ProduceWork> work) {
  co_return co_await held.session->produce(shard, &work->message, version_with_ids);
}
Task<Result<FetchAnswer>> fetch_on(Held held, Core::Visit, broker::Shard* shard,
                                   std::shared_ptr<FetchWork> work) {
  co_return co_await held.session->fetch(shard, &work->message, version_with_ids);
}
Task<> abandon_on(Held held, Core::Visit, broker::Shard* shard) {
  held.session->abandon(*shard);
  if (shard == &held.session->home()) co_await held.session->end_share_sessions();
}

class LocalChannel final : public client::Channel {
 public:
  LocalChannel(std::shared_ptr<Core> core, client::Loop& loop, std::shared_ptr<client::Host> keeper,
               client::Address address, std::string client_id)
      : loop_(loop),
        address_(std::move(address)),
        client_id_(std::move(client_id)),
        held_{core, std::move(keeper), std::make_shared<LocalSession>(core->broker(), client_id_)} {
  }

  Task<Result<>> open(TimePoint) override {
    const Core::Visit visit{core()};
    if (!visit.admitted()) co_return fail(Errc::closed, "the broker of this process");
    open_ = true;
    co_return Result<>{};
  }
  bool is_open() const override { return open_; }
  void close() override;

  const client::Address& address() const override { return address_; }
  const std::string& client_id() const override { return client_id_; }
  protocol::Versions versions(std::int16_t api_key) const override {
    const auto key = static_cast<protocol::ApiKey>(api_key);
    const auto* api = protocol::find_api(key);
    return api != nullptr && broker::is_served(key) ? api->versions : protocol::Versions{};
  }

  Task<Result<client::Frame>> exchange(client::Request request, std::int32_t,
                                       TimePoint deadline) override;
  Task<Result<>> send(client::Request request, TimePoint deadline) override;
  Task<Result<>> produce(client::ProduceCall& call, TimePoint deadline) override;
  Task<Result<>> fetch(client::FetchCall& call, TimePoint deadline) override;

 private:
  Core& core() { return *held_.core; }

  template <class T, class Work>
  Task<Result<T>> run(Task<Result<T>> (*begin)(Held, Core::Visit, broker::Shard*, Work),
                      broker::Shard* shard, Work work, TimePoint deadline);

  client::Loop& loop_;
  client::Address address_;
  std::string client_id_;
  Held held_;
  std::list<Timer*> waiting_;
  bool open_ = false;
};

// Begins at once where the shard is this loop. The value comes back through the client's loop; the
// timer that is cancelled then is what the caller waits for.
template <class T, class Work>
Task<Result<T>> LocalChannel::run(Task<Result<T>> (*begin)(Held, Core::Visit, broker::Shard*, Work),
                                  broker::Shard* shard, Work work, TimePoint deadline) {
  Core::Visit visit{core()};
  if (!open_ || !visit.admitted()) {
    open_ = false;
    co_return fail(Errc::disconnected, "the broker of this process is closed");
  }
  auto pending = std::make_shared<Pending<T>>(loop_);
  const Executor home = loop_.executor();
  const Executor there = shard->executor();
  auto task = begin(held_, std::move(visit), shard, std::move(work));
  auto done = [pending, home, there, keeper = held_.keeper](std::exception_ptr failure,
                                                            Result<T> value) mutable {
    if (failure) value = fail(Errc::disconnected, "the broker failed unexpectedly");
    auto deliver = [pending, kept = std::move(value)]() mutable {
      pending->value.emplace(std::move(kept));
      pending->timer->cancel();
    };
    pending.reset();
    if (home == there)
      deliver();
    else
      asio::post(home, std::move(deliver));
  };
  asio::co_spawn(there, std::move(task), std::move(done));
  if (!pending->value) {
    const auto at = waiting_.insert(waiting_.end(), pending->timer.get());
    co_await pending->timer->wait_until(deadline);
    waiting_.erase(at);
  }
  if (pending->value) co_return std::move(*pending->value);
  if (!open_) co_return fail(Errc::disconnected, "closed");
  close();
  co_return fail(Errc::timed_out, "the broker of this process");
}

void LocalChannel::close() {
  if (!std::exchange(open_, false)) return;
  for (Timer* timer : waiting_) timer->cancel();
  // Fetches that wait for records there need not do so any longer.
  broker::Broker& broker = core().broker();
  for (int id = 0; id < broker.shard_count(); ++id) {
    Core::Visit visit{core()};
    if (!visit.admitted()) return;
    broker::Shard* shard = &broker.shard(id);
    auto task = abandon_on(held_, std::move(visit), shard);
    asio::co_spawn(shard->executor(), std::move(task), [](std::exception_ptr) {});
  }
}

Task<Result<client::Frame>> LocalChannel::exchange(client::Request request, std::int32_t,
                                                   TimePoint deadline) {
  Bytestring frame;
  frame.reserve(request.size());
  request.for_each_piece(
      [&frame](Bytes piece) { frame.insert(frame.end(), piece.begin(), piece.end()); });
  frame.erase(frame.begin(), frame.begin() + protocol::frame_prefix_size);
  auto answer = co_await run(&exchange_on, &held_.session->home(), std::move(frame), deadline);
  if (!answer) co_return std::unexpected(answer.error());
  auto kept = std::make_shared<Bytestring>(std::move(*answer));
  client::Frame got;
  got.size = kept->size();
  got.data = std::shared_ptr<std::byte[]>(kept, kept->data());
  co_return got;
}

Task<Result<>> LocalChannel::send(client::Request request, TimePoint deadline) {
  const auto answer = co_await exchange(std::move(request), 0, deadline);
  if (!answer) co_return std::unexpected(answer.error());
  co_return Result<>{};
}

template <class Items>
bool all_have_ids(const Items& items) {
  return !items.empty() &&
         std::ranges::none_of(items, [](const auto& item) { return item.topic_id.is_zero(); });
}

Task<Result<>> LocalChannel::produce(client::ProduceCall& call, TimePoint deadline) {
  if (!all_have_ids(call.items)) co_return co_await Channel::produce(call, deadline);
  auto work = std::make_shared<ProduceWork>();
  work->message.acks = static_cast<std::int16_t>(call.acks);
  work->message.timeout_ms = static_cast<std::int32_t>(call.timeout.count());
  work->message.topic_data.reserve(call.items.size());
  work->owners.reserve(call.items.size());
  for (const auto& item : call.items) {
    auto& topic = work->message.topic_data.emplace_back();
    topic.topic_id = item.topic_id;
    topic.partition_data.push_back({item.partition, Records{item.batch.bytes}});
    work->owners.push_back(item.batch.owner);
  }
  const auto& first = call.items.front();
  broker::Shard* shard = &held_.session->shard_of(first.topic_id, first.partition);
  const auto answer = co_await run(&produce_on, shard, std::move(work), deadline);
  if (!answer) co_return std::unexpected(answer.error());
  if (call.acks == Acks::none) co_return Result<>{};
  for (std::size_t i = 0; i < call.items.size(); ++i) {
    const auto& row = answer->body.responses[i].partition_responses.front();
    auto& item = call.items[i];
    item.answered = true;
    item.error = row.error_code;
    item.message = row.error_message.value_or("");
    item.base_offset = row.base_offset;
    item.append_time_ms = row.log_append_time_ms;
  }
  co_return Result<>{};
}

Task<Result<>> LocalChannel::fetch(client::FetchCall& call, TimePoint deadline) {
  if (!all_have_ids(call.items)) co_return co_await Channel::fetch(call, deadline);
  auto work = std::make_shared<FetchWork>();
  auto& message = work->message;
  message.max_wait_ms = static_cast<std::int32_t>(call.wait.count());
  message.min_bytes = static_cast<std::int32_t>(call.bytes_min);
  message.max_bytes = static_cast<std::int32_t>(call.bytes_max);
  message.isolation_level = static_cast<std::int8_t>(call.isolation);
  for (const auto& item : call.items) {
    auto& topic = message.topics.emplace_back();
    topic.topic_id = item.topic_id;
    auto& row = topic.partitions.emplace_back();
    row.partition = item.partition;
    row.fetch_offset = item.offset;
    row.partition_max_bytes = static_cast<std::int32_t>(item.bytes_max);
  }
  const auto& first = call.items.front();
  broker::Shard* shard = &held_.session->shard_of(first.topic_id, first.partition);
  auto answer = co_await run(&fetch_on, shard, std::move(work), deadline);
  if (!answer) co_return std::unexpected(answer.error());
  protocol::FetchResponse& body = answer->body.body;
  if (body.error_code != ErrorCode::none) co_return fail(make_error_code(body.error_code), "fetch");
  auto item = call.items.begin();
  for (auto& topic : body.responses) {
    for (auto& row : topic.partitions) {
      if (item == call.items.end()) co_return Result<>{};
      item->answered = true;
      item->error = row.error_code;
      item->high_watermark = row.high_watermark;
      item->last_stable_offset = row.last_stable_offset;
      if (row.records) item->records = whole_batches(std::move(row.records->slices));
      ++item;
    }
  }
  co_return Result<>{};
}

constexpr std::size_t lead = protocol::batch_layout::length_prefix;

// Bytes of the batch that begins here; nothing when too few are there to tell.
std::optional<std::size_t> batch_size(Bytes bytes) {
  if (bytes.size() < lead) return std::nullopt;
  const auto length =
      load_big_endian<std::int32_t>(bytes.data() + protocol::batch_layout::batch_length);
  if (length < protocol::batch_layout::length_min) return std::nullopt;
  return lead + static_cast<std::size_t>(length);
}

// Copies `size` bytes from (slice, position) on, which go over several slices.
RecordsSlice gathered(const std::vector<RecordsSlice>& slices, std::size_t slice,
                      std::size_t position, std::size_t size) {
  auto memory = std::make_shared<Bytestring>();
  memory->reserve(size);
  while (memory->size() < size) {
    const Bytes rest = slices[slice].bytes.subspan(position);
    const Bytes part = rest.first(std::min(rest.size(), size - memory->size()));
    memory->insert(memory->end(), part.begin(), part.end());
    ++slice;
    position = 0;
  }
  const Bytes bytes{*memory};
  return {.bytes = bytes, .owner = std::move(memory)};
}

}  // namespace

client::Address local_address(Core& core) {
  const auto& addresses = core.broker().addresses();
  if (addresses.empty()) return {"in-process", 0};
  return {addresses.front().host, addresses.front().port};
}

std::shared_ptr<client::Channel> make_local_channel(std::shared_ptr<Core> core, client::Loop& loop,
                                                    std::shared_ptr<client::Host> keeper,
                                                    client::Address address,
                                                    std::string client_id) {
  return std::make_shared<LocalChannel>(std::move(core), loop, std::move(keeper),
                                        std::move(address), std::move(client_id));
}

std::vector<RecordsSlice> whole_batches(std::vector<RecordsSlice> slices) {
  std::size_t left = 0;
  for (const RecordsSlice& slice : slices) left += slice.size();
  std::vector<RecordsSlice> whole;
  std::size_t at = 0;        // slice
  std::size_t position = 0;  // in it
  while (left >= lead) {
    if (position == slices[at].bytes.size()) {
      ++at;
      position = 0;
      continue;
    }
    // As far as whole batches reach within this slice: one piece without a copy.
    const Bytes bytes = slices[at].bytes;
    const std::size_t from = position;
    for (;;) {
      const auto size = batch_size(bytes.subspan(position));
      if (!size || *size > bytes.size() - position) break;
      position += *size;
    }
    if (position != from) {
      left -= position - from;
      whole.push_back({.bytes = bytes.subspan(from, position - from), .owner = slices[at].owner});
      continue;
    }
    // The batch goes on in the next slice, maybe already within its header.
    const auto size = batch_size(gathered(slices, at, position, lead).bytes);
    if (!size || *size > left) break;
    whole.push_back(gathered(slices, at, position, *size));
    left -= *size;
    for (std::size_t skip = *size; skip != 0;) {
      const std::size_t here = std::min(skip, slices[at].bytes.size() - position);
      skip -= here;
      position += here;
      if (skip != 0) {
        ++at;
        position = 0;
      }
    }
  }
  return whole;
}

}  // namespace sluice::embed
