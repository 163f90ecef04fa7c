#include "broker/admin/context.hpp"

namespace sluice::broker::admin {

Refusal refusal_of(const Error& error) {
  if (error.code.category() != catalog_category())
    return {ErrorCode::kafka_storage_error, error.message()};
  switch (static_cast<CatalogErrc>(error.code.value())) {
    case CatalogErrc::topic_exists:
      return {ErrorCode::topic_already_exists, "Topic '" + error.context + "' already exists."};
    case CatalogErrc::unknown_topic:
      return {ErrorCode::unknown_topic_or_partition,
              "This server does not host this topic-partition."};
    case CatalogErrc::name_collision:
    case CatalogErrc::bad_name:
      return {ErrorCode::invalid_topic_exception, error.message()};
    case CatalogErrc::bad_partition_count:
      return {ErrorCode::invalid_partitions, error.message()};
    case CatalogErrc::fenced:
    case CatalogErrc::damaged:
    case CatalogErrc::unknown_format:
      break;
  }
  return {ErrorCode::kafka_storage_error, error.message()};
}

}  // namespace sluice::broker::admin
