// Names of the record headers by which queues are asked for and told of; values are UTF-8 text.
#pragma once

#include <string_view>

namespace sluice::protocol {

// Set by producers. When a record is to be appended to its topic: epoch ms, or ms from now.
inline constexpr std::string_view deliver_at_header = "sluice-deliver-at";
inline constexpr std::string_view delay_header = "sluice-delay-ms";
// What deduplication goes by.
inline constexpr std::string_view message_id_header = "sluice-message-id";

// Set by the broker. On a scheduled record when it is appended: epoch ms, and the schedule's id.
inline constexpr std::string_view scheduled_for_header = "sluice-scheduled-for";
inline constexpr std::string_view schedule_id_header = "sluice-schedule-id";
// On a record of a retry topic: how often it came, as the broker counts, and a proof of that.
inline constexpr std::string_view retry_attempt_header = "sluice-retry-attempt";

// Set by a redrive: how often the record was redriven, in decimals; replaced each time.
inline constexpr std::string_view redrive_count_header = "sluice-redrive-count";

// On a dead letter, behind the record's own headers. Of a name that repeats, the last counts.
// Source: KIP-1191; the last three are ours.
namespace dead_letter_header {
inline constexpr std::string_view prefix = "__dlq.errors.";
inline constexpr std::string_view topic = "__dlq.errors.topic";
inline constexpr std::string_view partition = "__dlq.errors.partition";
inline constexpr std::string_view offset = "__dlq.errors.offset";
inline constexpr std::string_view group = "__dlq.errors.group";
inline constexpr std::string_view delivery_count = "__dlq.errors.delivery.count";
inline constexpr std::string_view message = "__dlq.errors.message";
inline constexpr std::string_view reason = "__dlq.errors.reason";
inline constexpr std::string_view first_failure = "__dlq.errors.first.failure.ms";
inline constexpr std::string_view last_failure = "__dlq.errors.last.failure.ms";
}  // namespace dead_letter_header

}  // namespace sluice::protocol
