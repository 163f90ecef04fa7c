// The codecs of the messages about versions and configurations; see codec_instances.hpp.
#include "protocol/codec_instances.hpp"
#include "protocol/messages/alter_configs.hpp"
#include "protocol/messages/api_versions.hpp"
#include "protocol/messages/describe_configs.hpp"
#include "protocol/messages/incremental_alter_configs.hpp"
#include "protocol/messages/list_config_resources.hpp"
#include "protocol/messages/update_features.hpp"

namespace sluice::protocol {

template struct Codec<ApiVersionsRequest>;
template struct Codec<ApiVersionsResponse>;
template struct Codec<DescribeConfigsRequest>;
template struct Codec<DescribeConfigsResponse>;
template struct Codec<AlterConfigsRequest>;
template struct Codec<AlterConfigsResponse>;
template struct Codec<IncrementalAlterConfigsRequest>;
template struct Codec<IncrementalAlterConfigsResponse>;
template struct Codec<ListConfigResourcesRequest>;
template struct Codec<ListConfigResourcesResponse>;
template struct Codec<UpdateFeaturesRequest>;
template struct Codec<UpdateFeaturesResponse>;

}  // namespace sluice::protocol
