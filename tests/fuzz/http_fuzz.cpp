// Any bytes at both ends of HTTP. As a request: the head is taken or refused, and what is answered
// is a response that reads as it was meant. As an answer, and as the JSON in it: `sluice top` takes
// it or says why not.
//
// Input: 'Q', a byte for the size of the pieces that arrive, and the bytes of a connection; 'A' and
// an answer; else the pages /v1/status, /v1/topics and /v1/groups, a 0 between two of them.
#include "base/check.hpp"
#include "broker/http/head.hpp"
#include "broker/http/server.hpp"
#include "tools/sluice/http_get.hpp"
#include "tools/sluice/top_sample.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::broker {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

// Bytes that arrive in pieces of one size; what is sent is kept.
class Pipe {
 public:
  Pipe(std::string_view input, std::size_t piece) : input_(input), piece_(piece) {}

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& error) {
    error = {};
    if (input_.empty()) error = asio::error::eof;
    const std::size_t size = asio::buffer_copy(
        buffers, asio::const_buffer(input_.data(), std::min(piece_, input_.size())));
    input_.remove_prefix(size);
    return size;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    boost::system::error_code error;
    return read_some(buffers, error);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& error) {
    error = {};
    const std::size_t before = sent_.size();
    sent_.resize(before + beast::buffer_bytes(buffers));
    return asio::buffer_copy(asio::buffer(sent_.data() + before, sent_.size() - before), buffers);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    boost::system::error_code error;
    return write_some(buffers, error);
  }
  const std::string& sent() const { return sent_; }

 private:
  std::string_view input_;
  std::size_t piece_;
  std::string sent_;
};

// What came reads as the response that it was, and nothing follows it.
void check_sent(const std::string& sent, const HttpResponse& response, bool header_only) {
  Pipe pipe{sent, sent.size()};
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.skip(header_only);
  boost::system::error_code error;
  http::read(pipe, buffer, parser, error);
  SLUICE_CHECK(!error);
  SLUICE_CHECK(parser.get().result() == response.result());
  SLUICE_CHECK(parser.get().keep_alive() == response.keep_alive());
  SLUICE_CHECK(parser.get()[http::field::content_type] == response[http::field::content_type]);
  SLUICE_CHECK(parser.get().body() == (header_only ? std::string() : response.body()));
  SLUICE_CHECK(buffer.size() == 0);
  if (header_only || response.result() != http::status::ok) return;
  const auto body = cli::body_of(sent, "/");
  SLUICE_CHECK(body && *body == response.body());
}

// As HttpServer's connections do it, but that pages are empty.
void serve(std::string_view input, std::size_t piece) {
  Pipe pipe{input, piece};
  beast::flat_static_buffer<HttpServer::header_bytes_max> buffer;
  for (;;) {
    HeadParser parser;
    parser.header_limit(HttpServer::header_bytes_max);
    boost::system::error_code error;
    http::read_header(pipe, buffer, parser, error);
    if (error) return;
    const Head head = head_of(parser);
    SLUICE_CHECK(head.version == 10 || head.version == 11);
    auto page = refusal(head, {"broker.example"});
    if (!page) page = Page{.body = route_of(head.target).verbose ? "verbose" : ""};
    HttpResponse response = make_response(*std::move(page), head);
    const bool header_only = head.method == http::verb::head;
    http::response_serializer<http::string_body> serializer{response};
    Pipe back{{}, 0};
    if (header_only)
      http::write_header(back, serializer, error);
    else
      http::write(back, serializer, error);
    SLUICE_CHECK(!error || error == http::error::end_of_stream);
    check_sent(back.sent(), response, header_only);
    if (!response.keep_alive()) return;
  }
}

void show(std::string_view pages) {
  const auto next = [&] {
    const std::string_view page = pages.substr(0, pages.find('\0'));
    pages.remove_prefix(std::min(pages.size(), page.size() + 1));
    return page;
  };
  cli::TopPages read;
  read.status = next();
  read.topics = next();
  read.groups = next();
  auto sample = cli::sample_of(read);
  if (!sample) return;
  auto later = *sample;
  later.seconds = 1;
  for (const auto page : {cli::TopView::Page::topics, cli::TopView::Page::groups})
    SLUICE_CHECK(!cli::draw({.page = page}, *sample, later, 80, 24).lines.empty());
}

void use(std::string_view input) {
  if (input.empty()) return;
  const char kind = input.front();
  input.remove_prefix(1);
  if (kind == 'Q' && !input.empty())
    serve(input.substr(1), 1 + static_cast<unsigned char>(input.front()));
  else if (kind == 'A')
    (void)cli::body_of(input, "127.0.0.1:8080/");
  else
    show(input);
}

}  // namespace
}  // namespace sluice::broker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::broker::use({reinterpret_cast<const char*>(data), size});
  return 0;
}
