#include "broker/send_plan.hpp"

#include "base/check.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

// Takes the pieces of a reply, whatever they lie in.
template <class Pieces>
struct Collector {
  Pieces& pieces;
  void operator()(Bytes bytes) { pieces.push_back({bytes, {}}); }
  void operator()(const FileRange& range) { pieces.push_back({{}, range}); }
};

}  // namespace

void SendPlan::add(const protocol::GatherBuffer& reply) {
  reply.for_each_piece(Collector{pieces_});
}

void SendPlan::clear() {
  pieces_.clear();
  at_ = 0;
}

SendPlan::Step SendPlan::next() {
  SLUICE_CHECK(!done());
  Step step;
  const Piece& first = pieces_[at_];
  if (!first.file.empty()) {
    step.size = std::min(first.file.size, step_bytes_);
    step.file = first.file.first(step.size);
    step.more = at_ + 1 < pieces_.size();
    return step;
  }
  std::size_t count = 0;
  std::size_t at = at_;
  bool cut = false;
  for (; at < pieces_.size() && count < step_pieces_max && !cut; ++at) {
    const Piece& piece = pieces_[at];
    if (!piece.file.empty()) break;
    const std::size_t room = step_bytes_ - step.size;
    if (room == 0) break;
    cut = piece.memory.size() > room;
    const std::size_t size = cut ? room : piece.memory.size();
    vectors_[count++] = {const_cast<std::byte*>(piece.memory.data()), size};
    step.size += size;
  }
  step.memory = std::span(vectors_).first(count);
  step.more = cut || at < pieces_.size();
  return step;
}

void SendPlan::advance(std::size_t bytes) {
  while (bytes > 0) {
    SLUICE_CHECK(!done());
    Piece& piece = pieces_[at_];
    const std::size_t taken = std::min(bytes, piece.size());
    bytes -= taken;
    if (taken == piece.size()) {
      ++at_;
    } else if (piece.file.empty()) {
      piece.memory = piece.memory.subspan(taken);
    } else {
      piece.file = piece.file.after(taken);
    }
  }
}

}  // namespace sluice::broker
