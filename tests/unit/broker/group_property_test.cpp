// Random lives of members and offsets, seeded: what must hold at every step and in the end. Each
// seed is a trace; a failure names it.
#include "tests/support/group_driver.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <tuple>

namespace sluice::broker {
namespace {

using std::chrono::milliseconds;
using test::GroupClient;
using test::GroupDriver;

// A client with a life of its own: it follows the protocol, but it may crash, restart, change its
// subscription, send things twice and leave.
struct Actor {
  enum class Phase { out, joining, joined, syncing, stable };

  std::unique_ptr<GroupClient> client;
  Phase phase = Phase::out;
  bool crashed = false;
};

class GroupWorld {
 public:
  explicit GroupWorld(std::uint64_t seed) : random_(seed), driver_(options(seed), seed) {
    for (int i = 0; i < 6; ++i) actors_.push_back(make_actor(i));
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step(actors_[random_.below(actors_.size())]);
      if (random_.below(4) == 0) writes();
      driver_.pass(
          milliseconds{static_cast<int>(random_.below(3) == 0 ? random_.below(4'000) : 0)});
      follow_up();
      check();
      if (testing::Test::HasFailure()) return;
    }
  }

  // Nobody crashes or changes any more: the group has to become Stable with everyone in it.
  void quiesce() {
    driver_.release_writes();
    for (int i = 0; i < 400; ++i) {
      driver_.release_writes();
      for (Actor& actor : actors_) {
        if (actor.crashed) continue;
        if (actor.phase == Actor::Phase::out) start_join(actor);
        if (actor.phase == Actor::Phase::stable) beat(actor);
        if (actor.phase == Actor::Phase::joined) start_sync(actor);
      }
      driver_.pass(milliseconds{1'000});
      follow_up();
      check();
    }
    std::size_t alive = 0;
    for (const Actor& actor : actors_) {
      if (actor.crashed) continue;
      ++alive;
      EXPECT_EQ(actor.phase, Actor::Phase::stable);
      EXPECT_EQ(actor.client->assignment(), "assigned to " + actor.client->member_id);
    }
    const auto described = driver_.coordinator().describe("g", 5);
    EXPECT_EQ(described.members.size(), alive);
    if (alive > 0) EXPECT_EQ(described.state, "Stable");
    EXPECT_EQ(driver_.coordinator().parked_count(), 0u);
    for (const RequestToken token : sent_) EXPECT_EQ(driver_.answers(token), 1u) << token;
  }

  // What is on disk describes the same group.
  void check_restart() {
    GroupDriver again(driver_.log(), driver_.now(), options(0));
    const auto before = driver_.coordinator().describe("g", 5);
    const auto after = again.coordinator().describe("g", 5);
    if (before.members.empty()) return;
    EXPECT_EQ(after.state, "Stable");
    ASSERT_EQ(after.members.size(), before.members.size());
    for (std::size_t i = 0; i < before.members.size(); ++i) {
      EXPECT_EQ(after.members[i].member_id, before.members[i].member_id);
      EXPECT_EQ(after.members[i].assignment, before.members[i].assignment);
    }
  }

 private:
  static GroupOptions options(std::uint64_t seed) {
    GroupOptions options;
    options.initial_rebalance_delay = milliseconds{seed % 2 == 0 ? 0 : 3'000};
    if (seed % 5 == 0) options.group_size_max = 6;
    return options;
  }

  Actor make_actor(int number) {
    Actor actor;
    actor.client = std::make_unique<GroupClient>(driver_, "g", "c" + std::to_string(number));
    if (number % 3 == 0) actor.client->instance_id = "static-" + std::to_string(number);
    actor.client->join_version = static_cast<std::int16_t>(number % 2 == 0 ? 9 : 5);
    actor.client->rebalance_timeout = milliseconds{20'000};
    actor.client->protocols = {{"range", {}}, {"sticky", {}}};
    return actor;
  }

  void step(Actor& actor) {
    switch (random_.below(20)) {
      case 0:
        return crash(actor);
      case 1:
        return restart(actor);
      case 2:
        return leave(actor);
      case 3:
        return change_subscription(actor);
      case 4:  // sends its join again
        if (actor.phase == Actor::Phase::joining && !actor.crashed) start_join(actor);
        return;
      default:
        break;
    }
    if (actor.crashed) return;
    switch (actor.phase) {
      case Actor::Phase::out:
        return start_join(actor);
      case Actor::Phase::joined:
        return start_sync(actor);
      case Actor::Phase::stable:
        return beat(actor);
      default:
        return;
    }
  }

  void crash(Actor& actor) { actor.crashed = true; }
  // The process is started again: it knows its instance id, nothing else.
  void restart(Actor& actor) {
    if (!actor.crashed) return;
    actor.crashed = false;
    reset(actor);
  }
  void reset(Actor& actor) {
    actor.phase = Actor::Phase::out;
    actor.client->member_id.clear();
    actor.client->generation = -1;
  }
  void leave(Actor& actor) {
    if (actor.crashed || actor.phase == Actor::Phase::out || driver_.held_writes() > 0) return;
    LeaveRequest request{.group_id = "g",
                         .members = {{actor.client->member_id, actor.client->instance_id}}};
    sent_.insert(driver_.leave(request));
    reset(actor);
  }
  void change_subscription(Actor& actor) {
    if (actor.crashed || actor.phase != Actor::Phase::stable) return;
    Blob& metadata = actor.client->protocols[0].second;
    metadata.push_back(static_cast<std::byte>(random_.below(256)));
    start_join(actor);
  }
  void start_join(Actor& actor) {
    const RequestToken first = driver_.last_token() + 1;
    actor.client->join();
    for (RequestToken t = first; t <= driver_.last_token(); ++t) sent_.insert(t);
    actor.phase = Actor::Phase::joining;
  }
  void start_sync(Actor& actor) {
    sent_.insert(actor.client->sync());
    actor.phase = Actor::Phase::syncing;
  }
  void beat(Actor& actor) { after_error(actor, actor.client->heartbeat()); }

  // What a client does about an error.
  void after_error(Actor& actor, ErrorCode error) {
    switch (error) {
      case ErrorCode::none:
        return;
      case ErrorCode::rebalance_in_progress:
        return start_join(actor);
      case ErrorCode::fenced_instance_id:
        ADD_FAILURE() << "nobody else uses this instance id";
        return;
      default:
        reset(actor);
    }
  }

  void follow_up() {
    for (Actor& actor : actors_) {
      if (actor.phase == Actor::Phase::joining && actor.client->join_answered()) joined(actor);
      if (actor.phase == Actor::Phase::syncing && actor.client->sync_answered()) synced(actor);
    }
  }
  void joined(Actor& actor) {
    const JoinReply reply = actor.client->finish_join();
    if (reply.error != ErrorCode::none) {
      actor.phase = Actor::Phase::out;
      if (reply.error != ErrorCode::rebalance_in_progress && !actor.crashed) reset(actor);
      return;
    }
    actor.phase = Actor::Phase::joined;
    // One leader a generation. A static member that takes its place back gets a new id, and below
    // v9 is told the old leader's: neither starts a generation.
    if (actor.client->instance_id) return;
    const auto [at, added] = leaders_.emplace(reply.generation, reply.leader);
    if (!added && !at->second.starts_with("static-")) EXPECT_EQ(at->second, reply.leader);
  }
  void synced(Actor& actor) {
    const SyncReply reply = actor.client->finish_sync();
    actor.phase = reply.error == ErrorCode::none ? Actor::Phase::stable : Actor::Phase::out;
    if (reply.error == ErrorCode::rebalance_in_progress) {
      if (!actor.crashed) start_join(actor);
    } else if (reply.error != ErrorCode::none) {
      reset(actor);
    }
  }

  void writes() {
    if (driver_.held_writes() > 0) {
      driver_.release_writes(1 + random_.below(3));
    } else if (random_.below(2) == 0) {
      driver_.hold_writes();
    }
  }

  void check() {
    for (const RequestToken token : sent_) ASSERT_LE(driver_.answers(token), 1u) << token;
    // Whoever is in and waits for nothing has a deadline: the coordinator wakes up for it.
    const auto described = driver_.coordinator().describe("g", 5);
    if (!described.members.empty()) {
      const auto next = driver_.coordinator().next_deadline();
      ASSERT_TRUE(next.has_value());
      ASSERT_GT(*next, driver_.now().steady);
      ASSERT_LE(*next, driver_.now().steady + milliseconds{600'000});
    }
    if (described.state == "Empty" || described.state == "Dead") {
      ASSERT_TRUE(described.members.empty());
    }
    // A member that believes to be in the present generation is in it with everybody's leader.
    std::set<std::string> ids;
    for (const DescribedMember& m : described.members) ASSERT_TRUE(ids.insert(m.member_id).second);
  }

  SeededRandom random_;
  GroupDriver driver_;
  std::vector<Actor> actors_;
  std::set<RequestToken> sent_;
  std::map<std::int32_t, std::string> leaders_;  // generation → leader
};

TEST(GroupProperty, RandomLivesKeepTheInvariantsAndEndStable) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    GroupWorld world(seed);
    world.run(400);
    if (HasFailure()) return;
    world.quiesce();
    if (HasFailure()) return;
    world.check_restart();
    if (HasFailure()) return;
  }
}

// ---------------------------------------------------------------------------- offsets vs. a map

using OffsetKey = std::tuple<std::string, std::string, std::int32_t>;
using OffsetModel = std::map<OffsetKey, std::int64_t>;

class OffsetWorld {
 public:
  explicit OffsetWorld(std::uint64_t seed) : random_(seed), driver_(GroupDriver::quick(), seed) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      if (random_.below(50) == 0) expect_equal(driver_);
      if (testing::Test::HasFailure()) return;
    }
    while (driver_.held_writes() > 0) release();
    expect_equal(driver_);
    GroupDriver again(driver_.log(), driver_.now());
    expect_equal(again);
  }

 private:
  void step() {
    const std::string group = "g" + std::to_string(random_.below(3));
    const std::string topic = "t" + std::to_string(random_.below(3));
    const auto partition = static_cast<std::int32_t>(random_.below(4));
    switch (random_.below(12)) {
      case 0:
        return driver_.hold_writes();
      case 1:
        return release();
      case 2:
        return fail();
      case 3:
        return delete_offset(group, topic, partition);
      case 4:
        if (random_.below(4) == 0) delete_group(group);
        return;
      default:
        return commit(group, topic, partition);
    }
  }

  // The model changes when the write becomes durable: queued here beside the held writes.
  using Change = std::vector<std::pair<OffsetKey, std::optional<std::int64_t>>>;

  void commit(const std::string& group, const std::string& topic, std::int32_t partition) {
    CommitRequest request;
    request.group_id = group;
    request.topics.push_back(
        {.name = topic, .id = {}, .partitions = {{.index = partition, .offset = ++offset_}}});
    const auto token = driver_.commit(request);
    queue({{{group, topic, partition}, offset_}}, token);
  }
  void delete_offset(const std::string& group, const std::string& topic, std::int32_t partition) {
    DeleteOffsetsRequest request{.group_id = group,
                                 .topics = {{.name = topic, .partitions = {{.index = partition}}}}};
    const std::size_t held = driver_.held_writes(), logged = driver_.log().size();
    const auto token = driver_.delete_offsets(request);
    const bool wrote = driver_.held_writes() > held || driver_.log().size() > logged;
    if (wrote) queue({{{group, topic, partition}, std::nullopt}}, token);
  }
  void delete_group(const std::string& group) {
    // Only without writes on their way, so that failing them does not bring a group back.
    if (driver_.held_writes() > 0) return;
    driver_.release_writes();
    driver_.delete_groups({group});
    std::erase_if(model_, [&](const auto& entry) { return std::get<0>(entry.first) == group; });
  }
  void queue(Change change, RequestToken token) {
    if (driver_.held_writes() > queued_.size()) {
      EXPECT_FALSE(driver_.answered(token));
      queued_.push_back(std::move(change));
    } else {
      EXPECT_TRUE(driver_.answered(token));
      apply(change);
    }
  }
  void release() {
    if (queued_.empty()) return driver_.release_writes();
    apply(queued_.front());
    queued_.erase(queued_.begin());
    driver_.release_writes(1);
  }
  void fail() {
    if (queued_.empty()) return;
    queued_.erase(queued_.begin());
    driver_.fail_write(ErrorCode::kafka_storage_error);
  }
  void apply(const Change& change) {
    for (const auto& [key, value] : change) {
      if (value) {
        model_[key] = *value;
      } else {
        model_.erase(key);
      }
    }
  }

  void expect_equal(GroupDriver& driver) const {
    OffsetModel found;
    for (const ListedGroup& group : driver.coordinator().list({}).groups) {
      const auto all =
          driver.coordinator().fetch({.group_id = group.group_id, .topics = std::nullopt});
      for (const FetchedTopic& topic : all.topics) {
        for (const FetchedPartition& p : topic.partitions) {
          found[{group.group_id, topic.name, p.index}] = p.offset;
        }
      }
    }
    EXPECT_EQ(found, model_);
  }

  SeededRandom random_;
  GroupDriver driver_;
  OffsetModel model_;
  std::vector<Change> queued_;
  std::int64_t offset_ = 0;
};

TEST(OffsetProperty, CommitsDeletionsAndReplayEqualAMap) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    OffsetWorld(seed).run(500);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::broker
