#include "storage/epochs.hpp"

#include "base/check.hpp"
#include "storage/checkpoint.hpp"
#include "storage/error.hpp"

#include <algorithm>
#include <limits>

namespace sluice::storage {

void Epochs::begin(LeaderEpoch epoch, Offset start) {
  SLUICE_CHECK(epoch > latest_);
  truncate_end(start);
  entries_.push_back({epoch, start});
  latest_ = epoch;
}

void Epochs::truncate_end(Offset end) {
  while (!entries_.empty() && entries_.back().start >= end) entries_.pop_back();
}

void Epochs::truncate_start(Offset start) {
  while (entries_.size() > 1 && entries_[1].start <= start) entries_.erase(entries_.begin());
  if (!entries_.empty() && entries_.front().start < start) entries_.front().start = start;
}

Epochs::End Epochs::end_of(LeaderEpoch epoch, Offset log_end) const {
  if (epoch < 0 || epoch > latest_) return {};
  if (epoch == latest_) return {epoch, log_end};
  const auto after = std::ranges::upper_bound(entries_, epoch, std::less<>{}, &EpochStart::epoch);
  if (after == entries_.begin()) return entries_.empty() ? End{} : End{epoch, after->start};
  const LeaderEpoch found = std::prev(after)->epoch;
  return {found, after == entries_.end() ? log_end : after->start};
}

LeaderEpoch Epochs::at(Offset offset) const {
  const auto after = std::ranges::upper_bound(entries_, offset, std::less<>{}, &EpochStart::start);
  return after == entries_.begin() ? -1 : std::prev(after)->epoch;
}

std::string Epochs::encode() const {
  std::vector<std::string> lines;
  for (const EpochStart& e : entries_)
    lines.push_back(std::to_string(e.epoch) + " " + std::to_string(e.start));
  return encode_checkpoint(lines);
}

Result<Epochs> Epochs::decode(std::string_view text) {
  const auto rows = decode_checkpoint(text, 2);
  if (!rows) return std::unexpected(rows.error());
  Epochs epochs;
  for (const std::vector<std::string_view>& row : *rows) {
    const auto epoch = parse_number(row[0]);
    const auto start = parse_number(row[1]);
    if (!epoch || !start || *epoch < 0 || *start < 0) return fail(Errc::bad_checkpoint);
    if (*epoch > std::numeric_limits<LeaderEpoch>::max()) return fail(Errc::bad_checkpoint);
    if (!epochs.entries_.empty() &&
        (*epoch <= epochs.entries_.back().epoch || *start <= epochs.entries_.back().start))
      return fail(Errc::bad_checkpoint);
    epochs.entries_.push_back({static_cast<LeaderEpoch>(*epoch), *start});
  }
  if (!epochs.entries_.empty()) epochs.latest_ = epochs.entries_.back().epoch;
  return epochs;
}

}  // namespace sluice::storage
