// The headers by which a record asks a sluice for delivery later, or only once.
#pragma once

#include "sluice/producer.hpp"
#include "sluice/result.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace sluice::client {

class QueueHeaders {
 public:
  // Error: Errc::invalid_argument for what no broker would take.
  static Result<> check(const ProducerRecord& record);
  // Bytes that they add to the record, about.
  static std::size_t size_estimate(const ProducerRecord& record);

  // Requires: check(). Allocates only when the record asks for something. Lifetime: borrows it.
  explicit QueueHeaders(const ProducerRecord& record);
  QueueHeaders(const QueueHeaders&) = delete;
  QueueHeaders& operator=(const QueueHeaders&) = delete;

  // The record's own headers, then these.
  std::span<const Header> all() const { return all_; }

 private:
  std::array<char, 20> number_;  // the longest int64 in decimal
  std::vector<Header> made_;
  std::span<const Header> all_;
};

}  // namespace sluice::client
