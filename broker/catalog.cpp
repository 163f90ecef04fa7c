#include "broker/catalog.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

class CatalogCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "catalog"; }
  std::string message(int code) const override {
    switch (static_cast<CatalogErrc>(code)) {
      case CatalogErrc::topic_exists:
        return "topic already exists";
      case CatalogErrc::unknown_topic:
        return "unknown topic";
      case CatalogErrc::name_collision:
        return "name collides with an existing topic";
      case CatalogErrc::bad_name:
        return "invalid name";
      case CatalogErrc::bad_partition_count:
        return "invalid number of partitions";
      case CatalogErrc::fenced:
        return "catalog closed after a failed write";
      case CatalogErrc::damaged:
        return "catalog damaged";
      case CatalogErrc::unknown_format:
        return "unknown format";
    }
    return "catalog error";
  }
};

std::string fold(std::string_view name) {
  std::string folded(name);
  std::ranges::replace(folded, '.', '_');
  return folded;
}

constexpr std::string_view base64url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

const std::error_category& catalog_category() {
  static const CatalogCategory category;
  return category;
}

const Topic* Catalog::find(std::string_view name) const {
  const auto at = topics_.find(name);
  return at == topics_.end() ? nullptr : at->second.get();
}

const Topic* Catalog::find(const Uuid& id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second.get();
}

const Topic* Catalog::colliding(std::string_view name) const {
  const auto at = folded_.find(fold(name));
  return at == folded_.end() ? nullptr : find(at->second);
}

const ConfigMap& Catalog::configs(ResourceType type, std::string_view name) const {
  static const ConfigMap none;
  if (type == ResourceType::topic) {
    const Topic* topic = find(name);
    return topic == nullptr ? none : topic->overrides;
  }
  const auto& all = resources(type);
  const auto at = all.find(name);
  return at == all.end() ? none : at->second;
}

const std::map<std::string, ConfigMap, std::less<>>& Catalog::resources(ResourceType type) const {
  static const std::map<std::string, ConfigMap, std::less<>> none;
  const auto at = configs_.find(type);
  return at == configs_.end() ? none : at->second;
}

Result<> Catalog::apply(const CatalogChange& change) {
  auto applied = std::visit(
      [this](const auto& each) -> Result<> {
        using T = std::remove_cvref_t<decltype(each)>;
        if constexpr (std::is_same_v<T, CreateTopic>) return create(each);
        if constexpr (std::is_same_v<T, DeleteTopic>) return remove(each);
        if constexpr (std::is_same_v<T, GrowTopic>) return grow(each);
        if constexpr (std::is_same_v<T, ReplaceConfigs>) return replace(each);
        if constexpr (std::is_same_v<T, ReserveProducerIds>)
          next_producer_id_ = std::max(next_producer_id_, each.next);
        return {};
      },
      change);
  if (applied) ++version_;
  return applied;
}

Result<> Catalog::create(const CreateTopic& change) {
  const Topic& topic = change.topic;
  if (!topic_name_fault(topic.name).empty()) return fail(CatalogErrc::bad_name, topic.name);
  if (topic.partition_count < 1) return fail(CatalogErrc::bad_partition_count, topic.name);
  if (find(topic.name) != nullptr || find(topic.id) != nullptr)
    return fail(CatalogErrc::topic_exists, topic.name);
  if (const Topic* other = colliding(topic.name))
    return fail(CatalogErrc::name_collision, topic.name + " and " + other->name);
  auto kept = std::make_shared<const Topic>(topic);
  topics_[topic.name] = kept;
  by_id_[topic.id] = std::move(kept);
  folded_[fold(topic.name)] = topic.name;
  partition_total_ += topic.partition_count;
  return {};
}

Result<> Catalog::remove(const DeleteTopic& change) {
  const auto at = by_id_.find(change.id);
  if (at == by_id_.end()) return fail(CatalogErrc::unknown_topic, change.id.to_string());
  const auto topic = at->second;
  partition_total_ -= topic->partition_count;
  by_id_.erase(at);
  folded_.erase(fold(topic->name));
  topics_.erase(topic->name);
  return {};
}

Result<> Catalog::grow(const GrowTopic& change) {
  const Topic* topic = find(change.id);
  if (topic == nullptr) return fail(CatalogErrc::unknown_topic, change.id.to_string());
  if (change.partition_count <= topic->partition_count)
    return fail(CatalogErrc::bad_partition_count, topic->name);
  partition_total_ += change.partition_count - topic->partition_count;
  auto grown = std::make_shared<Topic>(*topic);
  grown->partition_count = change.partition_count;
  topics_[grown->name] = grown;
  by_id_[change.id] = std::move(grown);
  return {};
}

Result<> Catalog::replace(const ReplaceConfigs& change) {
  if (change.type == ResourceType::topic) {
    const Topic* topic = find(change.name);
    if (topic == nullptr) return fail(CatalogErrc::unknown_topic, change.name);
    auto changed = std::make_shared<Topic>(*topic);
    changed->overrides = change.configs;
    by_id_[changed->id] = changed;
    topics_[changed->name] = std::move(changed);
    return {};
  }
  auto& all = configs_[change.type];
  if (change.configs.empty())
    all.erase(change.name);
  else
    all[change.name] = change.configs;
  return {};
}

std::string_view topic_name_fault(std::string_view name) {
  if (name.empty()) return "the empty string is not allowed";
  if (name == "." || name == "..") return "'.' or '..' is not allowed";
  if (name.size() > 249) return "the length is longer than the max allowed length 249";
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (!std::ranges::all_of(name, legal))
    return "it contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
  return "";
}

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state" || name == "__sluice_schedules";
}

bool is_compacted_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state";
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 22) return std::nullopt;
  Uuid id;
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t at = 0;
  for (const char c : text) {
    const auto digit = base64url.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8 || at == id.octets.size()) continue;
    held -= 8;
    id.octets[at++] = static_cast<std::byte>(bits >> held & 0xff);
  }
  return id;
}

}  // namespace sluice::broker
