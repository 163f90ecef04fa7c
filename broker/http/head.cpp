#include "broker/http/head.hpp"

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>

#include <utility>

namespace sluice::broker {

namespace http = boost::beast::http;

namespace {

Page refused(int status, std::string why) { return {.status = status, .body = std::move(why)}; }

}  // namespace

Head head_of(const HeadParser& parser) {
  const auto& request = parser.get();
  const auto length = parser.content_length();
  const bool has_body = parser.chunked() || (length && *length != 0);
  return {.method = request.method(),
          .target = std::string(request.target()),
          .host = std::string(request[http::field::host]),
          .version = request.version(),
          .keep_alive = request.keep_alive() && !has_body,
          .has_body = has_body};
}

std::optional<Page> refusal(const Head& head, const std::vector<std::string>& names) {
  if (!host_allowed(head.host, names))
    return refused(403, "This Host is not allowed; sluice.http.hosts names those that are.\n");
  if (head.has_body) return refused(413, "Requests have no body here.\n");
  if (head.method != http::verb::get && head.method != http::verb::head)
    return refused(405, "Only GET and HEAD are served.\n");
  return std::nullopt;
}

HttpResponse make_response(Page page, const Head& head) {
  HttpResponse response{static_cast<http::status>(page.status), head.version};
  response.set(http::field::content_type, page.type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (page.status == 405) response.set(http::field::allow, "GET, HEAD");
  response.keep_alive(head.keep_alive);
  response.body() = std::move(page.body);
  response.prepare_payload();
  return response;
}

}  // namespace sluice::broker
