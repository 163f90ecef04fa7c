// AlterClientQuotas, API key 49.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Sets and removes client quotas.
// Source: AlterClientQuotasRequest.json; KIP-546.
struct AlterClientQuotasRequest {
  struct Entity {
    std::string_view entity_type;
    std::optional<std::string_view> entity_name = "";

    static constexpr void fields(auto row) {
      using M = Entity;
      row("EntityType", &M::entity_type);
      row("EntityName", &M::entity_name, {.nullable = "0+"});
    }
  };
  struct Op {
    std::string_view key;
    double value = 0;
    bool remove = false;

    static constexpr void fields(auto row) {
      using M = Op;
      row("Key", &M::key);
      row("Value", &M::value);
      row("Remove", &M::remove);
    }
  };
  struct Entry {
    std::vector<Entity> entity;
    std::vector<Op> ops;

    static constexpr void fields(auto row) {
      using M = Entry;
      row("Entity", &M::entity);
      row("Ops", &M::ops);
    }
  };

  std::vector<Entry> entries;
  bool validate_only = false;

  static constexpr Schema schema{.api_key = 49, .versions = "0-1", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = AlterClientQuotasRequest;
    row("Entries", &M::entries);
    row("ValidateOnly", &M::validate_only);
  }
};

// The outcome for each entity.
// Source: AlterClientQuotasResponse.json; KIP-546.
struct AlterClientQuotasResponse {
  struct Entity {
    std::string_view entity_type;
    std::optional<std::string_view> entity_name = "";

    static constexpr void fields(auto row) {
      using M = Entity;
      row("EntityType", &M::entity_type);
      row("EntityName", &M::entity_name, {.nullable = "0+"});
    }
  };
  struct Entry {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::vector<Entity> entity;

    static constexpr void fields(auto row) {
      using M = Entry;
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("Entity", &M::entity);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Entry> entries;

  static constexpr Schema schema{.api_key = 49, .versions = "0-1", .flexible = "1+"};
  static constexpr void fields(auto row) {
    using M = AlterClientQuotasResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Entries", &M::entries);
  }
};

}  // namespace sluice::protocol
