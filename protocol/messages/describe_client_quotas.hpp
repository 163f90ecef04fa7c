// DescribeClientQuotas, API key 48.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Reads client quotas. Match types: 0 exact, 1 default, 2 any.
// Source: DescribeClientQuotasRequest.json; KIP-546.
struct DescribeClientQuotasRequest {
  struct Component {
    std::string_view entity_type;
    std::int8_t match_type = 0;
    std::optional<std::string_view> match = "";

    static constexpr void fields(auto row) {
      using M = Component;
      row("EntityType", &M::entity_type);
      row("MatchType", &M::match_type);
      row("Match", &M::match, {.nullable = "0+"});
    }
  };

  std::vector<Component> components;
  bool strict = false;

  static constexpr Schema schema{.api_key = 48, .versions = "0-1", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = DescribeClientQuotasRequest;
    row("Components", &M::components);
    row("Strict", &M::strict);
  }
};

// The quotas of each matching entity.
// Source: DescribeClientQuotasResponse.json; KIP-546.
struct DescribeClientQuotasResponse {
  struct Entity {
    std::string_view entity_type;
    std::optional<std::string_view> entity_name = "";

    static constexpr void fields(auto row) {
      using M = Entity;
      row("EntityType", &M::entity_type);
      row("EntityName", &M::entity_name, {.nullable = "0+"});
    }
  };
  struct Value {
    std::string_view key;
    double value = 0;

    static constexpr void fields(auto row) {
      using M = Value;
      row("Key", &M::key);
      row("Value", &M::value);
    }
  };
  struct Entry {
    std::vector<Entity> entity;
    std::vector<Value> values;

    static constexpr void fields(auto row) {
      using M = Entry;
      row("Entity", &M::entity);
      row("Values", &M::values);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string_view> error_message;
  std::optional<std::vector<Entry>> entries = std::vector<Entry>{};

  static constexpr Schema schema{.api_key = 48, .versions = "0-1", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = DescribeClientQuotasResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("ErrorCode", &M::error_code);
    row("ErrorMessage", &M::error_message, {.nullable = "0+"});
    row("Entries", &M::entries, {.nullable = "0+"});
  }
};

}  // namespace sluice::protocol
