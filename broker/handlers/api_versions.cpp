// ApiVersions: what this broker speaks. Read off the dispatch table.
#include "broker/dispatch.hpp"
#include "broker/handlers/admin_handlers.hpp"

#include <algorithm>
#include <cctype>

namespace sluice::broker {
namespace {

// Source: ApiVersionsRequest.json and KIP-511: letters and digits, with dots and dashes between.
bool is_software_name(std::string_view text) {
  const auto alphanumeric = [](unsigned char c) { return std::isalnum(c) != 0; };
  return !text.empty() && alphanumeric(text.front()) && alphanumeric(text.back()) &&
         std::ranges::all_of(
             text, [&](unsigned char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

void add_api(protocol::ApiVersionsResponse& response, const protocol::ApiInfo& api) {
  response.api_keys.push_back(
      {static_cast<std::int16_t>(api.key), api.advertised.first, api.advertised.last});
}

}  // namespace

Task<protocol::ApiVersionsResponse> handle_api_versions(
    Request& request, const protocol::ApiVersionsRequest& message) {
  protocol::ApiVersionsResponse response;
  if (request.version() >= 3 && !(is_software_name(message.client_software_name) &&
                                  is_software_name(message.client_software_version))) {
    response.error_code = protocol::ErrorCode::invalid_request;
    co_return response;
  }
  for (const protocol::ApiInfo& api : protocol::all_apis())
    if (is_served(api.key)) add_api(response, api);
  // Clients of version 3 fail on a least level of 0.
  if (request.version() >= 4) response.supported_features.push_back({"share.version", 0, 1});
  response.finalized_features.push_back({"share.version", 1, 1});
  response.finalized_features_epoch = 0;  // clients ignore an epoch of -1
  co_return response;
}

Served answer_unsupported_api_versions(Request& request) {
  protocol::ApiVersionsResponse response;
  response.error_code = protocol::ErrorCode::unsupported_version;
  add_api(response, *protocol::find_api(protocol::ApiKey::api_versions));
  const auto error =
      protocol::encode_response(response, 0, request.parsed.header.correlation_id, request.reply);
  return error == protocol::WireError::none ? Served::replied : Served::close;
}

}  // namespace sluice::broker
