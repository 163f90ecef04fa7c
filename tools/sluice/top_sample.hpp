// Taking the samples that `sluice top` shows.
#pragma once

#include "sluice/admin.hpp"
#include "tools/sluice/cli.hpp"
#include "tools/sluice/top_model.hpp"

namespace sluice::cli {

enum class LagSeconds : std::uint8_t;

// Of the Kafka API alone: works with every cluster. Errors: as Admin's.
Result<TopSample> sample_cluster(Admin& admin, const Global& global, LagSeconds seconds);
// Of a sluiced's HTTP port (/v1/status, /v1/topics, /v1/groups). Errors: as http_get();
// Errc::malformed_response.
Result<TopSample> sample_http(const Global& global);

}  // namespace sluice::cli
