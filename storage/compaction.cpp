#include "storage/log_parts.hpp"

namespace sluice::storage {

Task<Result<>> LogParts::finish_swaps(DirectoryListing&) { co_return Result<>{}; }
bool LogParts::needs_compaction() const { return false; }
Task<Result<>> LogParts::compact() { co_return Result<>{}; }

}  // namespace sluice::storage
