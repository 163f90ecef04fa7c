#include "storage/seal.hpp"

#include "protocol/crc32c.hpp"
#include "storage/error.hpp"

#ifdef SLUICE_PORTABLE
#include <xxhash.h>
#else
#include <xxh_x86dispatch.h>
#endif

#include <algorithm>

namespace sluice::storage {
namespace {
constexpr std::uint32_t magic = 0x534c534c;  // "SLSL"
constexpr std::uint32_t version = 1;
constexpr std::size_t crc_at = 8;
constexpr std::size_t crc_begin = 12;
constexpr std::size_t fields_at = 12;
constexpr std::size_t hash_at = fields_at + 7 * 8;
constexpr std::size_t file_size = hash_at + 16;
static_assert(file_size == 84);
}  // namespace

std::vector<std::byte> Seal::encode() const {
  std::vector<std::byte> out(file_size);
  store_big_endian(out.data(), magic);
  store_big_endian(out.data() + 4, version);
  std::byte* at = out.data() + fields_at;
  for (const std::int64_t value :
       {base, end, size, batches, records, min_timestamp, max_timestamp}) {
    store_big_endian(at, value);
    at += 8;
  }
  std::ranges::copy(hash, out.data() + hash_at);
  store_big_endian(out.data() + crc_at, protocol::crc32c(Bytes(out).subspan(crc_begin)));
  return out;
}

Result<Seal> Seal::decode(Bytes bytes) {
  if (bytes.size() < fields_at || load_big_endian<std::uint32_t>(bytes.data()) != magic)
    return fail(Errc::bad_checkpoint);
  if (load_big_endian<std::uint32_t>(bytes.data() + 4) != version)
    return fail(Errc::unknown_format);
  if (bytes.size() != file_size || load_big_endian<std::uint32_t>(bytes.data() + crc_at) !=
                                       protocol::crc32c(bytes.subspan(crc_begin)))
    return fail(Errc::bad_checkpoint);
  Seal seal;
  const std::byte* at = bytes.data() + fields_at;
  for (std::int64_t* value : {&seal.base, &seal.end, &seal.size, &seal.batches, &seal.records,
                              &seal.min_timestamp, &seal.max_timestamp}) {
    *value = load_big_endian<std::int64_t>(at);
    at += 8;
  }
  std::ranges::copy(bytes.subspan(hash_at), seal.hash.begin());
  return seal;
}

struct SealHash::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(xxh); }
};

SealHash::SealHash() : state_(std::make_unique<State>()) { XXH3_128bits_reset(state_->xxh); }
SealHash::SealHash(SealHash&&) noexcept = default;
SealHash& SealHash::operator=(SealHash&&) noexcept = default;
SealHash::~SealHash() = default;

void SealHash::update(Bytes bytes) {
#ifdef SLUICE_PORTABLE  // Debian's archive of the library does not have the choice
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
#else
  // By name: with the vector instructions that this processor has, not those of the oldest.
  XXH3_128bits_update_dispatch(state_->xxh, bytes.data(), bytes.size());
#endif
  hashed_ += static_cast<std::int64_t>(bytes.size());
}

void SealHash::count(const protocol::BatchHeader& header) {
  ++seal_.batches;
  seal_.records += header.record_count;
  if (!header.has_delete_horizon() && header.base_timestamp >= 0 &&
      (seal_.min_timestamp < 0 || header.base_timestamp < seal_.min_timestamp))
    seal_.min_timestamp = header.base_timestamp;
  seal_.max_timestamp = std::max(seal_.max_timestamp, header.max_timestamp);
}

Seal SealHash::finish(Offset base, Offset end) const {
  Seal seal = seal_;
  seal.base = base;
  seal.end = end;
  seal.size = hashed_;
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh));
  std::memcpy(seal.hash.data(), canonical.digest, seal.hash.size());
  return seal;
}

}  // namespace sluice::storage
