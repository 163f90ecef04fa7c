// DescribeConfigs, API key 32.
#pragma once

#include "protocol/error_code.hpp"
#include "protocol/schema.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::protocol {

// Reads configurations of topics, brokers, groups. Null keys: all.
// Source: DescribeConfigsRequest.json; KIP-133, KIP-226 (synonyms), KIP-569 (type, documentation).
struct DescribeConfigsRequest {
  struct Resource {
    std::int8_t resource_type = 0;  // 2 topic, 4 broker, 8 logger, 16 metrics, 32 group
    std::string_view resource_name;
    std::optional<std::vector<std::string_view>> configuration_keys =
        std::vector<std::string_view>{};

    static constexpr void fields(auto row) {
      using M = Resource;
      row("ResourceType", &M::resource_type);
      row("ResourceName", &M::resource_name);
      row("ConfigurationKeys", &M::configuration_keys, {.nullable = "0+"});
    }
  };

  std::vector<Resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  static constexpr Schema schema{.api_key = 32, .versions = "1-4", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = DescribeConfigsRequest;
    row("Resources", &M::resources);
    row("IncludeSynonyms", &M::include_synonyms);
    row("IncludeDocumentation", &M::include_documentation, {.versions = "3+"});
  }
};

// The configurations, where each value comes from, and what it hides.
// Source: DescribeConfigsResponse.json; KIP-133, KIP-226 (synonyms), KIP-569 (type, documentation).
struct DescribeConfigsResponse {
  struct Synonym {
    std::string_view name;
    std::optional<std::string_view> value = "";
    std::int8_t source = 0;

    static constexpr void fields(auto row) {
      using M = Synonym;
      row("Name", &M::name);
      row("Value", &M::value, {.nullable = "0+"});
      row("Source", &M::source);
    }
  };
  struct Config {
    std::string_view name;
    std::optional<std::string_view> value = "";
    bool read_only = false;
    std::int8_t config_source = -1;
    bool is_sensitive = false;
    std::vector<Synonym> synonyms;
    std::int8_t config_type = 0;
    std::optional<std::string_view> documentation = "";

    static constexpr void fields(auto row) {
      using M = Config;
      row("Name", &M::name);
      row("Value", &M::value, {.nullable = "0+"});
      row("ReadOnly", &M::read_only);
      row("ConfigSource", &M::config_source);
      row("IsSensitive", &M::is_sensitive);
      row("Synonyms", &M::synonyms);
      row("ConfigType", &M::config_type, {.versions = "3+", .ignorable = true});
      row("Documentation", &M::documentation,
          {.versions = "3+", .nullable = "0+", .ignorable = true});
    }
  };
  struct Result {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string_view> error_message;
    std::int8_t resource_type = 0;
    std::string_view resource_name;
    std::vector<Config> configs;

    static constexpr void fields(auto row) {
      using M = Result;
      row("ErrorCode", &M::error_code);
      row("ErrorMessage", &M::error_message, {.nullable = "0+"});
      row("ResourceType", &M::resource_type);
      row("ResourceName", &M::resource_name);
      row("Configs", &M::configs);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static constexpr Schema schema{.api_key = 32, .versions = "1-4", .flexible = "4+"};
  static constexpr void fields(auto row) {
    using M = DescribeConfigsResponse;
    row("ThrottleTimeMs", &M::throttle_time_ms);
    row("Results", &M::results);
  }
};

}  // namespace sluice::protocol
