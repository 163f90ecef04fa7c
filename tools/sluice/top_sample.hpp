// Taking the samples that `sluice top` shows.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/cli.hpp"
#include "tools/sluice/top_model.hpp"

#include <string_view>

namespace sluice::cli {

enum class LagSeconds : std::uint8_t;

// Of the Kafka API alone: works with every cluster. Errors: as Admin's.
Result<TopSample> sample_cluster(Admin& admin, const Global& global, LagSeconds seconds);
// What a sluiced's HTTP port says at /v1/status, /v1/topics and /v1/groups.
struct TopPages {
  std::string_view status;
  std::string_view topics;
  std::string_view groups;
};
// The same from there, without latency and time. Error: Errc::malformed_response.
Result<TopSample> sample_of(const TopPages& pages);
// With them. Errors: as http_get(); Errc::malformed_response.
Result<TopSample> sample_http(const Global& global);

}  // namespace sluice::cli
