// Owns the strings that a handler makes for its reply.
//
// Response structs hold std::string_view; names that come from the request borrow from the frame,
// names that come from the catalog borrow from its snapshot (keep the shared_ptr too), and anything
// built on the way is kept here. One arena a request; it lives until the reply is encoded.
//
//   ReplyArena arena;
//   response.error_message = arena.keep("Topic '" + name + "' already exists.");
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::broker {

class ReplyArena {
 public:
  ReplyArena() = default;
  ReplyArena(ReplyArena&&) = default;
  ReplyArena& operator=(ReplyArena&&) = default;
  ReplyArena(const ReplyArena&) = delete;
  ReplyArena& operator=(const ReplyArena&) = delete;

  // The view stays valid for the life of the arena, also after a move of the arena.
  std::string_view keep(std::string text) { return strings_.emplace_back(std::move(text)); }
  // Keeps alive what views in the reply point into: a catalog snapshot, a slice of a cache.
  template <class T>
  const T& keep(std::shared_ptr<const T> owner) {
    const T& value = *owner;
    owners_.push_back(std::move(owner));
    return value;
  }

 private:
  std::deque<std::string> strings_;
  std::vector<std::shared_ptr<const void>> owners_;
};

}  // namespace sluice::broker
