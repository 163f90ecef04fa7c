#include "broker/shards.hpp"

#include <pthread.h>

namespace sluice::broker {

Shards::Shards(int count, Broker& broker, Clock& clock, Logger& logger) {
  for (int id = 0; id < count; ++id)
    shards_.push_back(std::make_unique<Shard>(id, broker, clock, logger));
}

Shards::~Shards() { SLUICE_CHECK(threads_.empty()); }

void Shards::start_threads() {
  for (auto& shard : shards_) {
    threads_.emplace_back([one = shard.get()] { one->run(); });
    const std::string name = "shard-" + std::to_string(shard->id());
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
}

void Shards::stop_threads() {
  for (auto& shard : shards_) shard->io().stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace sluice::broker
