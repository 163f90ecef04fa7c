// Scheduled delivery as a producer asks for it: `sluice-deliver-at`, a time of the wall clock in
// milliseconds since the epoch, or `sluice-delay-ms`, milliseconds from now, each as decimal text.
//
// A record that asks wrongly is refused with INVALID_RECORD and one of these names before the
// sentence that explains it:
// | name                             | when                                                     |
// |----------------------------------|----------------------------------------------------------|
// | DELIVERY_TIME_NOT_A_NUMBER       | the value is missing, empty, or more than decimal digits |
// | DELIVERY_TIME_NEGATIVE           | the number is below 0                                    |
// | DELIVERY_TIME_TWICE              | both headers, or one of them more than once              |
// | DELIVERY_TIME_TOO_FAR            | further away than sluice.schedule.max.ms                 |
// | DELIVERY_TIME_ON_COMPACTED_TOPIC | the topic's cleanup.policy has compact                   |
#pragma once

#include "broker/queue/delay_rule.hpp"

#include <string_view>

namespace sluice::broker {

class ScheduleHeaderRule final : public DelayRule {
 public:
  struct Settings {
    std::int64_t now_ms = 0;  // wall clock
    std::int64_t ahead_max_ms = 0;
    bool compacted = false;  // the topic
  };
  explicit ScheduleHeaderRule(Settings settings) : settings_(settings) {}

  std::expected<std::optional<Delay>, std::string> look(const protocol::BatchHeader& batch,
                                                        const protocol::Record& record,
                                                        std::deque<std::string>& texts) override;

 private:
  Settings settings_;
};

}  // namespace sluice::broker
