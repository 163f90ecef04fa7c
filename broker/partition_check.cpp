#include "broker/partition_check.hpp"

#include "broker/broker.hpp"
#include "broker/shard.hpp"
#include "broker/worker.hpp"
#include "protocol/batch_rewrite.hpp"

#include <boost/asio/post.hpp>

namespace sluice::broker {
namespace {

using protocol::Compression;

protocol::TimestampType timestamp_type(const TopicConfig& config) {
  return config.timestamp_type == TimestampType::log_append_time
             ? protocol::TimestampType::log_append_time
             : protocol::TimestampType::create_time;
}

std::optional<Compression> wanted_codec(TopicCompression compression) {
  switch (compression) {
    case TopicCompression::producer:
      return std::nullopt;
    case TopicCompression::uncompressed:
      return Compression::none;
    case TopicCompression::gzip:
      return Compression::gzip;
    case TopicCompression::snappy:
      return Compression::snappy;
    case TopicCompression::lz4:
      return Compression::lz4;
    case TopicCompression::zstd:
      return Compression::zstd;
  }
  return std::nullopt;
}

Task<Result<std::vector<std::byte>>> recompress_here(Bytes batch, Compression codec,
                                                     protocol::CompressionLevels levels) {
  protocol::Compressor compressor{levels};
  protocol::Decompressor decompressor;
  const auto header = protocol::parse_batch_header(batch);
  if (!header) co_return fail(header.error(), "recompress");
  const protocol::BatchView view{*header, batch};
  const protocol::Recoding recoding{compressor, decompressor};
  auto bytes = protocol::recompress(view, codec, recoding);
  if (!bytes) co_return fail(bytes.error(), "recompress");
  co_return std::move(*bytes);
}

}  // namespace

protocol::CheckPolicy check_policy(const TopicConfig& config, std::int16_t api_version,
                                   std::int64_t now_ms) {
  protocol::CheckPolicy policy;
  policy.max_message_bytes = static_cast<std::size_t>(config.max_message_bytes);
  policy.timestamp_type = timestamp_type(config);
  policy.timestamp_before_max_ms = config.message_timestamp_before_max_ms;
  policy.timestamp_after_max_ms = config.message_timestamp_after_max_ms;
  policy.keys = config.compacts ? protocol::KeyRule::required : protocol::KeyRule::optional;
  policy.produce_version = api_version;
  policy.now_ms = now_ms;
  return policy;
}

Task<std::expected<protocol::CheckedBatch, protocol::BatchRefusal>> check_compressed(
    Shard& shard, Bytes batch, protocol::CheckPolicy policy) {
  protocol::Decompressor decompressor;
  const auto header = protocol::parse_batch_header(batch);
  const protocol::BatchView view{*header, batch};
  protocol::CompressedCheck check{view, policy, decompressor};
  while (check.step()) co_await asio::post(shard.executor(), asio::use_awaitable_t<Executor>{});
  co_return check.result();
}

RewritePlan plan_rewrite(const protocol::CheckedBatch& batch, const TopicConfig& config) {
  RewritePlan plan;
  plan.stamp = config.timestamp_type == TimestampType::log_append_time;
  plan.correct_max_timestamp = !plan.stamp && batch.max_timestamp_is_wrong;
  const auto codec = wanted_codec(config.compression);
  if (codec && *codec != batch.header.compression()) plan.codec = codec;
  plan.needed = plan.stamp || plan.correct_max_timestamp || plan.codec.has_value();
  return plan;
}

Task<Result<std::vector<std::byte>>> rewrite(Shard& shard, Bytes batch, RewritePlan plan,
                                             protocol::CheckedBatch checked, std::int64_t now_ms) {
  std::vector<std::byte> bytes;
  if (plan.codec) {
    const auto options = shard.options();
    const protocol::CompressionLevels levels{options->compression_gzip_level,
                                             options->compression_lz4_level,
                                             options->compression_zstd_level};
    auto recompressed =
        co_await on_worker(shard.broker().worker(), recompress_here(batch, *plan.codec, levels));
    if (!recompressed) co_return std::unexpected(recompressed.error());
    bytes = std::move(*recompressed);
  } else {
    bytes.assign(batch.begin(), batch.end());
  }
  auto header = protocol::parse_batch_header(bytes);
  if (!header) co_return fail(header.error(), "rewrite");
  if (plan.stamp)
    protocol::set_log_append_time(bytes, *header, now_ms);
  else if (plan.correct_max_timestamp)
    protocol::correct_max_timestamp(bytes, *header, checked.max_timestamp);
  co_return bytes;
}

}  // namespace sluice::broker
