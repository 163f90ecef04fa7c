#include "tests/support/log_scenario.hpp"

#include <algorithm>
#include <ranges>

namespace sluice::testing {

const LogModel::Batch* LogModel::newest_idempotent() const {
  for (const Batch& batch : std::views::reverse(batches_))
    if (batch.producer.id >= 0) return &batch;
  return nullptr;
}

std::expected<std::vector<LogModel::Batch>, std::string> LogModel::settle(Offset log_end) {
  if (log_end < acknowledged_)
    return std::unexpected("acknowledged or read up to " + std::to_string(acknowledged_) +
                           ", the log ends at " + std::to_string(log_end));
  if (log_end > end())
    return std::unexpected("the log ends at " + std::to_string(log_end) + ", accepted was up to " +
                           std::to_string(end()));
  std::vector<Batch> lost;
  while (!batches_.empty() && batches_.back().base >= log_end) {
    lost.push_back(std::move(batches_.back()));
    batches_.pop_back();
  }
  if (log_end > 0 && end() != log_end)
    return std::unexpected("the log ends inside a batch, at " + std::to_string(log_end));
  std::ranges::reverse(lost);
  acknowledged_ = log_end;
  return lost;
}

std::optional<std::string> LogModel::check(const std::vector<StoredRecord>& records,
                                           Offset from) const {
  LeaderEpoch epoch = -1;
  for (const StoredRecord& record : records) {
    const std::string where = " at " + std::to_string(from);
    if (record.offset != from) return "offset " + std::to_string(record.offset) + where;
    if (from >= end()) return "a record beyond the end" + where;
    const Batch& batch = *std::prev(std::ranges::upper_bound(batches_, from, {}, &Batch::base));
    const std::string head = batch.tag + "/" + std::to_string(from - batch.base);
    if (!record.value.starts_with(head)) return "value " + record.value.substr(0, 12) + where;
    if (record.value.size() != std::max(batch.size, head.size())) return "a value's size" + where;
    if (record.epoch < epoch) return "a lower epoch" + where;
    epoch = record.epoch;
    ++from;
  }
  return std::nullopt;
}

}  // namespace sluice::testing
