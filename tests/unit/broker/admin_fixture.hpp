// A catalog, options and facts for the tests of the admin APIs.
#pragma once

#include "base/random.hpp"
#include "broker/admin/context.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace sluice::broker::admin {

class FakeFacts final : public PartitionFacts {
 public:
  PartitionState state(const Topic& topic, PartitionIndex partition) const override {
    const auto at = states.find({topic.name, partition});
    return at == states.end() ? PartitionState{} : at->second;
  }
  std::map<std::pair<std::string, PartitionIndex>, PartitionState> states;
};

class AdminTest : public testing::Test {
 protected:
  // Commits as the store would, and settles.
  template <class Response>
  void commit(Plan<Response>& plan) {
    auto after = std::make_shared<Catalog>(*catalog);
    CommitOutcome outcome;
    for (const auto& change : plan.changes) {
      auto applied = after->apply(change);
      outcome.faults.push_back(applied ? Error{} : applied.error());
    }
    catalog = after;
    const Result<CommitOutcome> result(std::move(outcome));
    settle(plan, result, arena);
  }
  const Topic& add_topic(std::string name, std::int32_t partitions = 1, ConfigMap overrides = {}) {
    auto after = std::make_shared<Catalog>(*catalog);
    Topic topic{name, {}, partitions, 0, std::move(overrides)};
    topic.id.octets[0] = static_cast<std::byte>(++last_id_);
    EXPECT_TRUE(after->apply(CreateTopic{topic}));
    catalog = after;
    return *catalog->find(name);
  }
  void change(const CatalogChange& change) {
    auto after = std::make_shared<Catalog>(*catalog);
    EXPECT_TRUE(after->apply(change));
    catalog = after;
  }
  Context context() {
    return {.catalog = catalog,
            .options = std::make_shared<const Options>(options),
            .cluster_id = "MkU3OEVBNTcwNTJENDM2Qg",
            .self = {"localhost", 9092},
            .partitions = facts,
            .random = random,
            .now_ms = 1000,
            .arena = arena};
  }

  std::shared_ptr<const Catalog> catalog = std::make_shared<const Catalog>();
  Options options;
  FakeFacts facts;
  SeededRandom random{1};
  ReplyArena arena;

 private:
  int last_id_ = 0;
};

}  // namespace sluice::broker::admin
