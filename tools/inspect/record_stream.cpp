#include "tools/inspect/record_stream.hpp"

namespace sluice::inspect {

// The next batch that has records, when the current one has none left. False at the end.
Result<bool> RecordStream::load() {
  while (left_ <= 0) {
    const auto step = walk_.next();
    if (!step) return std::unexpected(step.error());
    if (!*step) return false;
    batch_ = (*step)->batch;
    iterator_.reset();
    read_ = 0;
    left_ = batch_.header.last_offset() < log_->log_start ? 0 : batch_.header.record_count;
  }
  return true;
}

Result<bool> RecordStream::at_new_batch() {
  const auto loaded = load();
  if (!loaded || !*loaded) return loaded;
  return read_ == 0 && batch_.header.base_offset >= log_->log_start;
}

Result<bool> RecordStream::next() {
  for (;;) {
    const auto loaded = load();
    if (!loaded || !*loaded) return loaded;
    if (!iterator_) {
      const auto area = records_.area(batch_);
      iterator_.emplace(area.value_or(Bytes{}), batch_.header.record_count);
    }
    const auto record = iterator_->next();
    if (!record) {  // what is left of it cannot be read
      ++damaged_batches_;
      left_ = 0;
      continue;
    }
    record_ = *record;
    --left_;
    ++read_;
    if (offset() >= log_->log_start) return true;
  }
}

}  // namespace sluice::inspect
