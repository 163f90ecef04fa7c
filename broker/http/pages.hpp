// What the HTTP port answers: a path in, a page out. Knows nothing of sockets.
#pragma once

#include "base/task.hpp"
#include "broker/metrics/observer.hpp"
#include "broker/turnstile.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::broker {

class Broker;

// Pages that need a look at everything.
enum class Document : std::uint8_t { metrics, status, topics, groups };

// What the target of a request leads to.
struct Route {
  enum class Kind : std::uint8_t { alive, ready, startup, document, index, nothing };
  Kind kind = Kind::nothing;
  Document document = Document::metrics;
  bool verbose = false;
};
// `target`: a path, maybe with a query.
Route route_of(std::string_view target);

struct Page {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

// Lives on shard 0.
class Pages {
 public:
  explicit Pages(Broker& broker) : broker_(broker), observer_(broker) {}

  Task<Page> answer(Route route);

 private:
  Task<Page> document(Document what);
  Task<Page> ready(bool verbose);
  Task<Page> startup();

  Broker& broker_;
  Observer observer_;
  Turnstile looking_;  // one look at all partitions at a time, however many ask
};

// Whether a request that carries this Host header may be answered: it names an IP address,
// localhost, or one of `names`. A page on the web that had its own name resolve to this address
// (DNS rebinding) names itself.
bool host_allowed(std::string_view host, const std::vector<std::string>& names);

}  // namespace sluice::broker
