// InitProducerId: identities of idempotent producers, never given out twice.
#include "broker/broker.hpp"
#include "broker/catalog_store.hpp"
#include "broker/handlers/handlers.hpp"
#include "broker/shards.hpp"

namespace sluice::broker {
namespace {

Task<Result<std::int64_t>> next_id(CatalogStore* store) {
  co_return co_await store->next_producer_id();
}

}  // namespace

Task<protocol::InitProducerIdResponse> handle_init_producer_id(
    Request& request, const protocol::InitProducerIdRequest& message) {
  protocol::InitProducerIdResponse response;
  response.producer_id = -1;
  response.producer_epoch = -1;
  if (message.transactional_id) {
    response.error_code = message.transactional_id->empty()
                              ? protocol::ErrorCode::invalid_request
                              : protocol::ErrorCode::transactional_id_authorization_failed;
    co_return response;
  }
  if ((message.producer_id == -1) != (message.producer_epoch == -1)) {
    response.error_code = protocol::ErrorCode::invalid_request;
    co_return response;
  }
  Broker& broker = request.shard.broker();
  auto id = co_await on(request.shard, broker.shard(0), next_id(&broker.catalog_store()));
  if (!id) {
    response.error_code = protocol::ErrorCode::coordinator_not_available;  // retriable
    co_return response;
  }
  response.producer_id = *id;
  response.producer_epoch = 0;
  co_return response;
}

}  // namespace sluice::broker
