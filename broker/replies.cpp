#include "broker/replies.hpp"

#include "storage/error.hpp"

namespace sluice::broker {

using protocol::ErrorCode;

namespace {

ErrorCode of_storage(storage::Errc error) {
  using storage::Errc;
  switch (error) {
    case Errc::closed:
    case Errc::segment_gone:
      return ErrorCode::not_leader_or_follower;  // retriable, refreshes metadata
    case Errc::fenced:
    case Errc::no_room:
    case Errc::disk_full:
    case Errc::damaged:
    case Errc::unknown_format:
    case Errc::bad_checkpoint:
      return ErrorCode::kafka_storage_error;
    case Errc::batch_too_large:
      return ErrorCode::record_list_too_large;
    case Errc::offset_out_of_range:
      return ErrorCode::offset_out_of_range;
    case Errc::out_of_order_sequence:
      return ErrorCode::out_of_order_sequence_number;
    case Errc::invalid_producer_epoch:
      return ErrorCode::invalid_producer_epoch;
  }
  return ErrorCode::unknown_server_error;
}

}  // namespace

ErrorCode kafka_error(const Error& error) {
  if (error.code.category() == storage::storage_error_category())
    return of_storage(static_cast<storage::Errc>(error.code.value()));
  return ErrorCode::kafka_storage_error;
}

}  // namespace sluice::broker
