#include "protocol/api.hpp"

#include "protocol/messages/all.hpp"

#include <algorithm>
#include <array>

namespace sluice::protocol {
namespace {

template <class... A>
constexpr auto make_table(ApiList<A...>) {
  return std::array{ApiInfo{.key = api_key_of<typename A::Request>,
                            .name = A::name,
                            .versions = A::Request::schema.versions,
                            .advertised = A::Request::schema.advertised.empty()
                                              ? A::Request::schema.versions
                                              : A::Request::schema.advertised,
                            .flexible = A::Request::schema.flexible}...};
}
constexpr auto table = make_table(Apis{});
static_assert(std::ranges::is_sorted(table, std::ranges::less{}, &ApiInfo::key));

}  // namespace

std::span<const ApiInfo> all_apis() { return table; }

const ApiInfo* find_api(std::int16_t key) {
  const auto at = std::ranges::lower_bound(table, static_cast<ApiKey>(key), {}, &ApiInfo::key);
  return at != table.end() && at->key == static_cast<ApiKey>(key) ? &*at : nullptr;
}

std::string_view to_string(ApiKey key) {
  const ApiInfo* api = find_api(key);
  return api != nullptr ? api->name : "Unknown";
}

}  // namespace sluice::protocol
