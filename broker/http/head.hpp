// The head of a request as Beast parsed it: what it asks for, and what is answered without asking
// the broker. Knows nothing of sockets.
#pragma once

#include "broker/http/pages.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <string>
#include <vector>

namespace sluice::broker {

using HeadParser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

struct Head {
  boost::beast::http::verb method = boost::beast::http::verb::unknown;
  std::string target;
  std::string host;
  unsigned version = 11;
  bool keep_alive = false;
  bool has_body = false;
};

// Requires: the parser has the whole header.
Head head_of(const HeadParser& parser);
// Why the request is not served; nothing: Pages::answer() is asked. `names`: as host_allowed().
std::optional<Page> refusal(const Head& head, const std::vector<std::string>& names);
HttpResponse make_response(Page page, const Head& head);

}  // namespace sluice::broker
