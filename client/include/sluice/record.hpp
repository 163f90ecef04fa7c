// Records as a consumer gives them, and their headers.
#pragma once

#include "sluice/bytes.hpp"
#include "sluice/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

namespace protocol {
struct Record;
std::size_t parse_record(Bytes area, Record& record);
}  // namespace protocol

// A header that borrows its bytes. Keys may repeat.
struct Header {
  std::string_view key;  // UTF-8 by convention; not checked
  std::optional<Bytes> value;
};

// The headers of a parsed record, decoded as they are visited. parse_record() has checked them.
// Lifetime: borrows the record's bytes.
class Headers {
 public:
  class Iterator {
   public:
    using value_type = Header;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    Iterator() = default;
    const Header& operator*() const { return header_; }
    const Header* operator->() const { return &header_; }
    Iterator& operator++() {
      --left_;
      read();
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_ == b.left_; }

   private:
    friend class Headers;
    Iterator(Bytes bytes, std::int32_t left)
        : at_(bytes.data()), end_(bytes.data() + bytes.size()), left_(left) {
      read();
    }
    void read();
    const std::byte* at_ = nullptr;
    const std::byte* end_ = nullptr;
    std::int32_t left_ = 0;
    Header header_;
  };

  Headers() = default;
  Iterator begin() const { return Iterator{bytes_, count_}; }
  Iterator end() const { return Iterator{}; }
  std::size_t size() const { return static_cast<std::size_t>(count_); }
  bool empty() const { return count_ == 0; }
  // As they are in the record, without the count.
  Bytes bytes() const { return bytes_; }

 private:
  friend std::size_t protocol::parse_record(Bytes area, protocol::Record& record);
  Headers(Bytes bytes, std::int32_t count) : bytes_(bytes), count_(count) {}
  Bytes bytes_;
  std::int32_t count_ = 0;
};

struct OwnedHeader {
  std::string key;
  std::optional<std::string> value;
};

// One record, borrowed from the fetched buffer.
// Lifetime: until the next poll(), seek(), assign(), subscribe() or close() of its consumer.
struct RecordView {
  std::string_view topic;
  PartitionIndex partition = 0;
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  Headers headers;
};

// A record that owns its bytes.
struct OwnedRecord {
  std::string topic;
  PartitionIndex partition = 0;
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<OwnedHeader> headers;
};
OwnedRecord copy(const RecordView& record);

}  // namespace sluice
