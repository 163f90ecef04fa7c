// The codecs of the messages about security and quotas; see codec_instances.hpp.
#include "protocol/codec_instances.hpp"
#include "protocol/messages/alter_client_quotas.hpp"
#include "protocol/messages/alter_user_scram_credentials.hpp"
#include "protocol/messages/create_acls.hpp"
#include "protocol/messages/delete_acls.hpp"
#include "protocol/messages/describe_acls.hpp"
#include "protocol/messages/describe_client_quotas.hpp"
#include "protocol/messages/describe_user_scram_credentials.hpp"
#include "protocol/messages/sasl_authenticate.hpp"
#include "protocol/messages/sasl_handshake.hpp"

namespace sluice::protocol {

template struct Codec<SaslHandshakeRequest>;
template struct Codec<SaslHandshakeResponse>;
template struct Codec<SaslAuthenticateRequest>;
template struct Codec<SaslAuthenticateResponse>;
template struct Codec<DescribeAclsRequest>;
template struct Codec<DescribeAclsResponse>;
template struct Codec<CreateAclsRequest>;
template struct Codec<CreateAclsResponse>;
template struct Codec<DeleteAclsRequest>;
template struct Codec<DeleteAclsResponse>;
template struct Codec<DescribeClientQuotasRequest>;
template struct Codec<DescribeClientQuotasResponse>;
template struct Codec<AlterClientQuotasRequest>;
template struct Codec<AlterClientQuotasResponse>;
template struct Codec<DescribeUserScramCredentialsRequest>;
template struct Codec<DescribeUserScramCredentialsResponse>;
template struct Codec<AlterUserScramCredentialsRequest>;
template struct Codec<AlterUserScramCredentialsResponse>;

}  // namespace sluice::protocol
