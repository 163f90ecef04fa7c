#include "storage/error.hpp"

#include <string>

namespace sluice::storage {

std::string_view describe(Errc error) {
  switch (error) {
    case Errc::closed:
      return "the log is closed";
    case Errc::fenced:
      return "the log is fenced after a failed write";
    case Errc::no_room:
      return "no room yet for this batch";
    case Errc::disk_full:
      return "no space could be reserved on the disk";
    case Errc::batch_too_large:
      return "the batch is larger than a segment";
    case Errc::offset_out_of_range:
      return "the offset is outside the log";
    case Errc::damaged:
      return "the stored data is damaged";
    case Errc::out_of_order_sequence:
      return "a batch of this producer is missing before this one";
    case Errc::invalid_producer_epoch:
      return "a newer epoch of this producer has written";
    case Errc::unknown_format:
      return "the file has an unknown format";
    case Errc::segment_gone:
      return "the segment was deleted or replaced meanwhile";
    case Errc::bad_checkpoint:
      return "the file is garbled";
  }
  return "unknown storage error";
}

namespace {
class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "sluice storage"; }
  std::string message(int value) const override {
    return std::string(describe(static_cast<Errc>(value)));
  }
};
}  // namespace

const std::error_category& storage_error_category() {
  static const Category category;
  return category;
}

}  // namespace sluice::storage
