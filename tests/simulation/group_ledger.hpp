// What a group's members know of its committed offsets: they never go back.
#pragma once

#include "tests/simulation/ledger.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace sluice::simulation {

class GroupLedger {
 public:
  GroupLedger(Verdict& verdict, std::string group) : verdict_(verdict), group_(std::move(group)) {}

  const std::string& group() const { return group_; }

  // Before the request: what a fetch from now on must answer at least.
  Offset floor(const Place& place) const {
    const auto found = confirmed_.find(place);
    return found == confirmed_.end() ? none : found->second;
  }
  void attempted(const Place& place, Offset offset) {
    auto& most = attempted_.try_emplace(place, none).first->second;
    most = std::max(most, offset);
  }
  void confirmed(const Place& place, Offset offset) {
    auto& least = confirmed_.try_emplace(place, none).first->second;
    least = std::max(least, offset);
  }
  // The broker said so; `floor` is from before the question.
  void fetched(const Place& place, Offset offset, Offset floor) {
    if (offset < floor)
      verdict_.fail("a committed offset went back: group " + group_ + " in " + place.text() +
                    " from " + std::to_string(floor) + " to " + std::to_string(offset));
    const auto most = attempted_.find(place);
    if (offset > (most == attempted_.end() ? none : most->second))
      verdict_.fail("an offset that nobody committed: group " + group_ + " in " + place.text() +
                    " has " + std::to_string(offset));
    // Whoever saw it goes on from there: it is not to go back below that either.
    confirmed(place, offset);
  }

 private:
  static constexpr Offset none = -1;

  Verdict& verdict_;
  std::string group_;
  std::map<Place, Offset> attempted_;
  std::map<Place, Offset> confirmed_;
};

}  // namespace sluice::simulation
