// The clients of checker.py with our C++ library; checker_worker.py says how it is told, and what
// it writes.
#include <sluice/consumer.hpp>
#include <sluice/producer.hpp>

#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using sluice::TopicPartition;
using Ends = std::map<TopicPartition, long long>;

constexpr std::size_t in_flight_max = 2000;
constexpr int session = 4;  // seconds of its rate for which a producer lasts
constexpr auto commit_every = 100ms;

long long now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

TopicPartition part_of(std::string_view text) {
  const auto dash = text.rfind('-');
  return {std::string(text.substr(0, dash)), std::stoi(std::string(text.substr(dash + 1)))};
}

template <class Each>
void split(const std::string& text, char at, Each each) {
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, at);) each(word);
}

unsigned crc_of(std::string_view bytes) {
  return static_cast<unsigned>(crc32(0, reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<unsigned>(bytes.size())));
}

// What standard input said.
struct Orders {
  std::atomic<bool> stop = false;
  std::atomic<bool> leave = false;
  std::atomic<bool> has_ends = false;
  Ends ends;  // set before has_ends

  void listen() {
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      std::string word;
      words >> word;
      if (word == "stop") stop = true;
      if (word == "leave") leave = true;
      if (word != "ends" || has_ends) continue;
      while (words >> word) {
        const auto equals = word.rfind('=');
        ends[part_of(word.substr(0, equals))] = std::stoll(word.substr(equals + 1));
      }
      has_ends = true;
    }
    std::_Exit(3);
  }
};

struct Common {
  Orders& orders;
  sluice::ClientOptions client;
  std::string directory;
  std::vector<TopicPartition> parts;
};

class History {
 public:
  History(const Common& common, const std::string& name)
      : name_(name), file_(std::fopen((common.directory + "/" + name + ".history").c_str(), "w")) {
    if (file_ == nullptr) std::_Exit(4);
  }
  ~History() {
    std::fclose(file_);
    std::printf("done %s\n", name_.c_str());
    std::fflush(stdout);
  }
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  template <class... Words>
  void note(const Words&... words) {
    std::ostringstream line;
    ((line << words << ' '), ...);
    std::fprintf(file_, "%s\n", line.str().c_str());
  }

 private:
  std::string name_;
  std::FILE* file_;
};

class Produce {
 public:
  Produce(const Common& common, const std::string& name, double rate, const std::string& codec)
      : common_(common), name_(name), rate_(rate), codec_(codec), history_(common, name) {}

  void run() {
    while (!common_.orders.stop) {
      auto producer = sluice::Producer::create({.client = common_.client,
                                                .codec = *sluice::codec_from_name(codec_),
                                                .delivery_timeout = 120s});
      if (!producer) return history_.note("problem", producer.error().message());
      // A client that has never been connected is told at once when nobody listens.
      while (!common_.orders.stop && !producer->partition_count(common_.parts.front().topic))
        std::this_thread::sleep_for(20ms);
      run(*producer);
    }
  }

 private:
  struct Sent {
    Produce* self;
    long long number;
  };

  void run(sluice::Producer& producer) {
    auto began = std::chrono::steady_clock::now();
    const auto last = static_cast<double>(sent_.size()) + session * rate_;
    for (int paced = 0; !common_.orders.stop && static_cast<double>(sent_.size()) < last; ++paced) {
      if (waiting_ >= in_flight_max) {
        producer.poll();
        std::this_thread::sleep_for(2ms);
        began = std::chrono::steady_clock::now();
        paced = 0;
        continue;
      }
      send(producer);
      producer.poll();
      const auto due = began + std::chrono::duration<double>(paced / rate_);
      while (std::chrono::steady_clock::now() < due) {
        std::this_thread::sleep_for(1ms);
        producer.poll();
      }
    }
    static_cast<void>(producer.flush(sluice::Deadline::in(120s)));
    static_cast<void>(producer.close(sluice::Deadline::in(5s)));
  }

  void send(sluice::Producer& producer) {
    const auto number = static_cast<long long>(sent_.size());
    const auto& part = common_.parts[static_cast<std::size_t>(number / 3) % common_.parts.size()];
    const auto key = name_ + ":" + std::to_string(number);
    const auto size = number % 701 == 700 ? 30'000 : 20 + number * 7919 % 400;
    const auto value =
        key + ":" +
        std::string(static_cast<std::size_t>(size), static_cast<char>('a' + number % 26));
    char crc[9];
    std::snprintf(crc, sizeof crc, "%08x", crc_of(value));
    history_.note("send", number, part.to_string(), crc, now_ns());
    sent_.push_back({this, number});
    ++waiting_;
    const sluice::Done<sluice::RecordMetadata> done{
        .function =
            [](void* context, sluice::Result<sluice::RecordMetadata> result) {
              auto& record = *static_cast<Sent*>(context);
              record.self->answered(record.number, result);
            },
        .context = &sent_.back()};
    producer.send({.topic = part.topic,
                   .partition = part.partition,
                   .key = sluice::as_bytes(key),
                   .value = sluice::as_bytes(value)},
                  done);
  }

  void answered(long long number, const sluice::Result<sluice::RecordMetadata>& result) {
    --waiting_;
    if (!result) return history_.note("fail", number, now_ns(), result.error().message());
    const auto& part = common_.parts[static_cast<std::size_t>(number / 3) % common_.parts.size()];
    const TopicPartition where{part.topic, result->partition};
    history_.note("ack", number, where.to_string(), result->offset, now_ns());
  }

  const Common& common_;
  std::string name_;
  double rate_;
  std::string codec_;
  History history_;
  std::deque<Sent> sent_;  // stays where it is
  std::size_t waiting_ = 0;
};

// What readers and members share.
class Reader {
 public:
  Reader(const Common& common, const std::string& name) : common_(common), history_(common, name) {}

 protected:
  // Whether it may pass: what no good broker says does not.
  bool passes(const sluice::Error& error) {
    std::this_thread::sleep_for(20ms);
    if (!error.is(sluice::Errc::corrupt_batch) && !error.is(sluice::Errc::no_offset) &&
        !error.is(sluice::Errc::malformed_response) &&
        !error.is(sluice::ErrorCode::offset_out_of_range))
      return true;
    history_.note("problem", error.message());
    return false;
  }

  void note(const sluice::RecordView& record) {
    auto key = std::string(record.key ? sluice::as_text(*record.key) : "");
    std::replace(key.begin(), key.end(), ' ', '?');
    char crc[9];
    std::snprintf(crc, sizeof crc, "%08x",
                  crc_of(record.value ? sluice::as_text(*record.value) : ""));
    history_.note("read", part(record).to_string(), record.offset, key.empty() ? "?" : key, crc,
                  now_ns());
  }

  static TopicPartition part(const sluice::RecordView& record) {
    return {std::string(record.topic), record.partition};
  }

  const Common& common_;
  History history_;
};

class Read : Reader {
 public:
  using Reader::Reader;

  void run() {
    auto consumer = sluice::Consumer::create(
        {.client = common_.client, .offset_reset = sluice::OffsetReset::none, .fetch_wait = 50ms});
    if (!consumer) return history_.note("problem", consumer.error().message());
    if (const auto assigned = consumer->assign(common_.parts, sluice::Deadline::in(60s)); !assigned)
      return history_.note("problem", assigned.error().message());
    for (const auto& part : common_.parts) {
      static_cast<void>(consumer->seek(part, 0));
      history_.note("start", part.to_string(), now_ns());
      position_[part] = 0;
    }
    while (!at_end()) {
      const auto records = consumer->poll(50ms);
      if (!records) {
        if (!passes(records.error())) return;
        continue;
      }
      for (const auto& record : *records) {
        note(record);
        position_[part(record)] = record.offset + 1;
      }
    }
  }

 private:
  bool at_end() {
    return common_.orders.has_ends &&
           std::ranges::all_of(common_.orders.ends,
                               [&](const auto& end) { return position_[end.first] >= end.second; });
  }

  Ends position_;
};

class Member : Reader {
 public:
  Member(const Common& common, const std::string& name, std::string group)
      : Reader(common, name), group_(std::move(group)) {}

  void run() {
    auto consumer = sluice::Consumer::create({.client = common_.client,
                                              .group_id = group_,
                                              .session_timeout = 2s,
                                              .rebalance_timeout = 10s,
                                              .heartbeat_interval = 300ms,
                                              .auto_commit = false,
                                              .offset_reset = sluice::OffsetReset::none,
                                              .fetch_wait = 50ms});
    if (!consumer) return history_.note("problem", consumer.error().message());
    std::vector<std::string> topics;
    for (const auto& part : common_.parts) topics.push_back(part.topic);
    std::ranges::sort(topics);
    topics.erase(std::ranges::unique(topics).begin(), topics.end());
    if (const auto joined = consumer->subscribe(topics); !joined)
      return history_.note("problem", joined.error().message());
    while (!common_.orders.leave && turn(*consumer)) {
    }
    // Without a broker the group learns of it when the session is over.
    static_cast<void>(consumer->close(sluice::Deadline::in(5s)));
  }

 private:
  bool turn(sluice::Consumer& consumer) {
    const auto records = consumer.poll(50ms);
    // An assignment that shows now may have come in any call since the last look.
    const auto since = looked_;
    looked_ = now_ns();
    if (const auto change = consumer.take_rebalance()) {
      for (const auto& part : change->revoked) position_.erase(part);
      for (const auto& part : change->added) {
        position_.erase(part);
        history_.note("start", part.to_string(), since);
      }
    }
    if (!records) return passes(records.error());
    for (const auto& record : *records) {
      note(record);
      position_[part(record)] = record.offset + 1;
    }
    if (std::chrono::steady_clock::now() >= next_commit_ && !position_.empty()) commit(consumer);
    return true;
  }

  void commit(sluice::Consumer& consumer) {
    const auto began = now_ns();
    const bool done = consumer.commit(position_, sluice::Deadline::in(3s)).has_value();
    for (const auto& [part, offset] : position_)
      history_.note(done ? "commit" : "nocommit", part.to_string(), offset, began, now_ns());
    position_.clear();
    next_commit_ = std::chrono::steady_clock::now() + commit_every;
  }

  std::string group_;
  long long looked_ = now_ns();
  sluice::Consumer::Offsets position_;  // read, and not committed
  std::chrono::steady_clock::time_point next_commit_{};
};

std::vector<std::string> words_of(const std::string& role) {
  std::vector<std::string> words;
  split(role, ':', [&](const std::string& word) { words.push_back(word); });
  return words;
}

}  // namespace

int main(int count, char** words) {
  if (count < 5) {
    std::fputs("usage: see the head of checker_worker.py\n", stderr);
    return 2;
  }
  Orders orders;
  Common common{
      .orders = orders,
      .client = {.brokers = {words[1]}, .retry_backoff = 20ms, .retry_backoff_max = 200ms},
      .directory = words[2],
      .parts = {}};
  split(words[3], ',', [&](const std::string& part) { common.parts.push_back(part_of(part)); });
  std::thread([&] { orders.listen(); }).detach();
  std::vector<std::thread> roles;
  for (int i = 4; i < count; ++i)
    roles.emplace_back([&common, role = words_of(words[i])] {
      if (role[0] == "produce")
        Produce(common, role[1], std::stod(role[2]), role[3]).run();
      else if (role[0] == "read")
        Read(common, role[1]).run();
      else
        Member(common, role[1], role[2]).run();
    });
  for (auto& role : roles) role.join();
  std::_Exit(0);  // standard input is still being waited for
}
