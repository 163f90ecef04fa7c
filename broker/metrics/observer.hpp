// Gathers BrokerViews: one task a shard for what it has, one more for the times of records that
// consumers have not read. A shard is never held for longer than a few dozen partitions take.
//
// Lag in seconds is the age of the first record a group has not consumed. Its timestamp is read
// from the batch that holds it, and kept as long as the group does not move. At most reads_max are
// read from the log in one look; a lag beyond that is not known until the next.
#pragma once

#include "base/task.hpp"
#include "broker/metrics/view.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

namespace sluice::broker {

class Broker;

// Lives on shard 0.
class Observer {
 public:
  static constexpr std::size_t reads_max = 1000;

  explicit Observer(Broker& broker) : broker_(broker) {}

  // What a view is to hold besides the counters.
  struct Wanted {
    bool partitions = true;
    bool groups = true;
  };
  Task<std::shared_ptr<const BrokerView>> look(Wanted wanted);

 private:
  using RecordPlace = std::tuple<TopicId, PartitionIndex, Offset>;
  using Times = std::map<RecordPlace, std::int64_t>;  // ms

  Task<> gather(BrokerView* view, Wanted wanted);
  Task<> add_times(BrokerView* view);

  Broker& broker_;
  Times times_;  // of the records the last look asked for
};

}  // namespace sluice::broker
