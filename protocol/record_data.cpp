#include "protocol/record_data.hpp"

#include "protocol/schema.hpp"

#include <string>

namespace sluice::protocol {
namespace {

std::string flatten(const Records& records) {
  std::string all{as_text(records.bytes)};
  for (const RecordsSlice& slice : records.slices) all += as_text(slice.bytes);
  return all;
}

}  // namespace

bool same_records(const Records& a, const Records& b) {
  if (a.slices.empty() && b.slices.empty()) return as_text(a.bytes) == as_text(b.bytes);
  return a.size() == b.size() && flatten(a) == flatten(b);
}

}  // namespace sluice::protocol
