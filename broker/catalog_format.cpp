#include "broker/catalog_format.hpp"

#include "base/check.hpp"
#include "protocol/crc32c.hpp"

#include <charconv>
#include <optional>

namespace sluice::broker {
namespace {

constexpr std::uint32_t magic = 0x534C4346;
enum class ChangeType : std::uint8_t {
  create = 1,
  remove = 2,
  grow = 3,
  configs = 4,
  producers = 5
};

class Writer {
 public:
  explicit Writer(std::vector<std::byte>& out) : out_(out) {}
  template <std::integral T>
  void integer(T value) {
    std::byte octets[sizeof(T)];
    store_big_endian(octets, value);
    out_.insert(out_.end(), octets, octets + sizeof(T));
  }
  void raw(Bytes bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void text(std::string_view value) {
    integer(static_cast<std::uint32_t>(value.size()));
    raw(as_bytes(value));
  }
  void map(const ConfigMap& values) {
    integer(static_cast<std::uint32_t>(values.size()));
    for (const auto& [key, value] : values) {
      text(key);
      text(value);
    }
  }
  std::size_t size() const { return out_.size(); }
  // Fills in a length that was written as 0 before its content.
  void patch_size(std::size_t at) {
    store_big_endian(out_.data() + at, static_cast<std::uint32_t>(out_.size() - at - 4));
  }

 private:
  std::vector<std::byte>& out_;
};

// Reads what Writer wrote; after a failure everything reads as zero and `good` is false.
class Source {
 public:
  explicit Source(Bytes bytes) : rest_(bytes) {}
  bool good() const { return good_; }
  bool done() const { return rest_.empty(); }
  Bytes raw(std::size_t size) {
    if (size > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const Bytes taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  template <std::integral T>
  T integer() {
    const Bytes octets = raw(sizeof(T));
    return octets.size() == sizeof(T) ? load_big_endian<T>(octets.data()) : T{};
  }
  std::string text() { return std::string(as_text(raw(integer<std::uint32_t>()))); }
  Uuid uuid() {
    Uuid id;
    const Bytes octets = raw(id.octets.size());
    if (!octets.empty()) std::memcpy(id.octets.data(), octets.data(), octets.size());
    return id;
  }
  ConfigMap map() {
    ConfigMap values;
    for (auto left = integer<std::uint32_t>(); left != 0 && good_; --left) {
      auto key = text();
      values[std::move(key)] = text();
    }
    return values;
  }

 private:
  Bytes rest_;
  bool good_ = true;
};

void write_body(Writer& out, const CreateTopic& change) {
  out.text(change.topic.name);
  out.raw(change.topic.id.octets);
  out.integer(change.topic.partition_count);
  out.integer(change.topic.created_ms);
  out.map(change.topic.overrides);
}
void write_body(Writer& out, const DeleteTopic& change) { out.raw(change.id.octets); }
void write_body(Writer& out, const GrowTopic& change) {
  out.raw(change.id.octets);
  out.integer(change.partition_count);
}
void write_body(Writer& out, const ReplaceConfigs& change) {
  out.integer(static_cast<std::int8_t>(change.type));
  out.text(change.name);
  out.map(change.configs);
}
void write_body(Writer& out, const ReserveProducerIds& change) { out.integer(change.next); }

constexpr ChangeType type_of(const CreateTopic&) { return ChangeType::create; }
constexpr ChangeType type_of(const DeleteTopic&) { return ChangeType::remove; }
constexpr ChangeType type_of(const GrowTopic&) { return ChangeType::grow; }
constexpr ChangeType type_of(const ReplaceConfigs&) { return ChangeType::configs; }
constexpr ChangeType type_of(const ReserveProducerIds&) { return ChangeType::producers; }

Result<CatalogChange> read_change(ChangeType type, Source& in) {
  CatalogChange change;
  switch (type) {
    case ChangeType::create: {
      CreateTopic create;
      create.topic.name = in.text();
      create.topic.id = in.uuid();
      create.topic.partition_count = in.integer<std::int32_t>();
      create.topic.created_ms = in.integer<std::int64_t>();
      create.topic.overrides = in.map();
      change = std::move(create);
      break;
    }
    case ChangeType::remove:
      change = DeleteTopic{in.uuid()};
      break;
    case ChangeType::grow: {
      GrowTopic grow{in.uuid()};
      grow.partition_count = in.integer<std::int32_t>();
      change = grow;
      break;
    }
    case ChangeType::configs: {
      ReplaceConfigs replace;
      replace.type = static_cast<ResourceType>(in.integer<std::int8_t>());
      replace.name = in.text();
      replace.configs = in.map();
      change = std::move(replace);
      break;
    }
    case ChangeType::producers:
      change = ReserveProducerIds{in.integer<std::int64_t>()};
      break;
    default:
      return fail(CatalogErrc::unknown_format,
                  "change of type " + std::to_string(static_cast<int>(type)));
  }
  if (!in.good() || !in.done()) return fail(CatalogErrc::damaged, "change with a wrong length");
  return change;
}

struct Frame {
  std::uint64_t sequence = 0;
  std::uint8_t kind = 0;
  Bytes payload;
  std::size_t size = 0;  // with the header
};

// The frame that starts at the beginning of `bytes`, if it is whole and its checksum is right.
std::optional<Frame> frame_at(Bytes bytes) {
  if (bytes.size() < catalog_frame_header) return std::nullopt;
  if (load_big_endian<std::uint32_t>(bytes.data()) != magic) return std::nullopt;
  const std::size_t payload = load_big_endian<std::uint32_t>(bytes.data() + 8);
  if (payload > bytes.size() - catalog_frame_header) return std::nullopt;
  Frame frame;
  frame.size = catalog_frame_header + payload;
  const auto crc = load_big_endian<std::uint32_t>(bytes.data() + 4);
  if (protocol::crc32c(bytes.subspan(8, frame.size - 8)) != crc) return std::nullopt;
  frame.sequence = load_big_endian<std::uint64_t>(bytes.data() + 12);
  frame.kind = std::to_integer<std::uint8_t>(bytes[20]);
  frame.payload = bytes.subspan(catalog_frame_header, payload);
  return frame;
}

// Whether a whole frame later than `sequence` starts anywhere in `bytes`. Earlier ones are no proof
// of damage: a file that grew just before a power cut may show blocks of the file it replaced.
bool holds_later_frame(Bytes bytes, std::uint64_t sequence) {
  for (std::size_t at = 0; at + catalog_frame_header <= bytes.size(); ++at)
    if (const auto frame = frame_at(bytes.subspan(at)); frame && frame->sequence > sequence)
      return true;
  return false;
}

Result<> apply_frame(const Frame& frame, Catalog& catalog) {
  Source payload(frame.payload);
  for (auto left = payload.integer<std::uint32_t>(); left != 0; --left) {
    const auto type = static_cast<ChangeType>(payload.integer<std::uint8_t>());
    Source body(payload.raw(payload.integer<std::uint32_t>()));
    if (!payload.good()) return fail(CatalogErrc::damaged, "frame with a wrong count");
    auto change = read_change(type, body);
    if (!change) return std::unexpected(change.error());
    if (auto applied = catalog.apply(*change); !applied)
      return fail(CatalogErrc::damaged, "change that does not apply: " + applied.error().message());
  }
  return {};
}

std::string crc_text(std::string_view lines) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto crc = protocol::crc32c(as_bytes(lines));
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += digits[crc >> shift & 15];
  return text;
}

}  // namespace

std::vector<std::byte> encode_frame(FrameKind kind, std::uint64_t sequence,
                                    std::span<const CatalogChange> changes) {
  std::vector<std::byte> frame;
  Writer out(frame);
  out.integer(magic);
  out.integer(std::uint32_t{0});  // CRC
  out.integer(std::uint32_t{0});  // payload size
  out.integer(sequence);
  out.integer(static_cast<std::uint8_t>(kind));
  out.integer(static_cast<std::uint32_t>(changes.size()));
  for (const auto& change : changes) {
    std::visit(
        [&](const auto& each) {
          out.integer(static_cast<std::uint8_t>(type_of(each)));
          const std::size_t size_at = out.size();
          out.integer(std::uint32_t{0});
          write_body(out, each);
          out.patch_size(size_at);
        },
        change);
  }
  SLUICE_CHECK(frame.size() < std::numeric_limits<std::uint32_t>::max());
  store_big_endian(frame.data() + 8,
                   static_cast<std::uint32_t>(frame.size() - catalog_frame_header));
  store_big_endian(frame.data() + 4, protocol::crc32c(Bytes(frame).subspan(8)));
  return frame;
}

std::vector<CatalogChange> snapshot_changes(const Catalog& catalog) {
  std::vector<CatalogChange> changes;
  for (const auto& [name, topic] : catalog.topics()) changes.emplace_back(CreateTopic{*topic});
  for (const auto type : {ResourceType::broker, ResourceType::client_metrics, ResourceType::group})
    for (const auto& [name, configs] : catalog.resources(type))
      changes.emplace_back(ReplaceConfigs{type, name, configs});
  changes.emplace_back(ReserveProducerIds{catalog.next_producer_id()});
  return changes;
}

Result<CatalogImage> read_catalog(Bytes file) {
  CatalogImage image;
  while (image.good_size < file.size()) {
    const Bytes rest = file.subspan(image.good_size);
    const std::string place = "offset " + std::to_string(image.good_size);
    const auto frame = frame_at(rest);
    const bool first = image.good_size == 0;
    if (!frame || (!first && frame->sequence < image.next_sequence)) {
      if (first || holds_later_frame(rest.subspan(1), image.next_sequence))
        return fail(CatalogErrc::damaged, place);
      image.torn = true;
      return image;
    }
    if (frame->kind != static_cast<std::uint8_t>(first ? FrameKind::snapshot : FrameKind::changes))
      return fail(frame->kind > 2 ? CatalogErrc::unknown_format : CatalogErrc::damaged,
                  place + ": frame of kind " + std::to_string(frame->kind));
    if (!first && frame->sequence != image.next_sequence)
      return fail(CatalogErrc::damaged, place + ": frame out of order");
    if (auto applied = apply_frame(*frame, image.catalog); !applied)
      return fail(applied.error().code, place + ": " + applied.error().context);
    image.next_sequence = frame->sequence + 1;
    image.last_frame = image.good_size;
    image.good_size += frame->size;
  }
  if (image.good_size == 0) return fail(CatalogErrc::damaged, "the file is empty");
  return image;
}

std::string format_text(const FormatFile& format) {
  std::string text = "format=" + std::to_string(format_version) + "\n";
  text += "features=\n";
  text += "cluster.id=" + format.cluster_id + "\n";
  text += "hash.secret=" + Uuid{format.hash_secret}.to_string() + "\n";
  text += "created.ms=" + std::to_string(format.created_ms) + "\n";
  const auto crc = crc_text(text);
  return text + "crc32c=" + crc + "\n";
}

Result<FormatFile> parse_format(std::string_view text) {
  std::map<std::string, std::string, std::less<>> values;
  for (std::string_view rest = text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    const auto equals = line.find('=');
    if (equals != std::string_view::npos)
      values[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  // A newer version is told apart before anything else of the file is trusted.
  const auto version = values["format"];
  int number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  if (number > format_version)
    return fail(CatalogErrc::unknown_format,
                "format " + version + ", this version knows " + std::to_string(format_version));
  const auto crc_at = text.rfind("crc32c=");
  if (number < 1 || crc_at == std::string_view::npos ||
      values["crc32c"] != crc_text(text.substr(0, crc_at)))
    return fail(CatalogErrc::damaged, "checksum");
  if (!values["features"].empty())
    return fail(CatalogErrc::unknown_format, "feature " + values["features"]);
  const auto secret = parse_uuid(values["hash.secret"]);
  FormatFile format{values["cluster.id"]};
  if (!secret || format.cluster_id.empty()) return fail(CatalogErrc::damaged, "missing values");
  format.hash_secret = secret->octets;
  const auto created = values["created.ms"];
  std::from_chars(created.data(), created.data() + created.size(), format.created_ms);
  return format;
}

}  // namespace sluice::broker
