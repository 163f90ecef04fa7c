// Standard output of `sluice`: what is copied and what is borrowed arrive in their order.
#include "base/random.hpp"
#include "tools/sluice/cli.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <string>
#include <thread>
#include <unistd.h>

namespace sluice::cli {
namespace {

// Standard output leads into a pipe that is read meanwhile, as long as this is there.
class Reader {
 public:
  Reader() : before_(::dup(STDOUT_FILENO)) {
    EXPECT_EQ(::pipe(ends_.data()), 0);
    ::dup2(ends_[1], STDOUT_FILENO);
    ::close(ends_[1]);
    thread_ = std::jthread([this] {
      std::array<char, 5000> some{};
      for (ssize_t size; (size = ::read(ends_[0], some.data(), some.size())) > 0;)
        text_.append(some.data(), static_cast<std::size_t>(size));
    });
  }
  ~Reader() { ::close(ends_[0]); }
  std::string finish() {
    ::dup2(before_, STDOUT_FILENO);
    ::close(before_);
    thread_.join();
    return std::move(text_);
  }

 private:
  int before_;
  std::array<int, 2> ends_{};
  std::string text_;
  std::jthread thread_;
};

TEST(Output, CopiedAndBorrowedTextArriveInOrder) {
  SeededRandom random(7);
  Reader reader;
  std::string expected;
  {
    std::deque<std::string> kept;
    Output out;
    for (int i = 0; i < 5000; ++i) {
      const std::string text(random.below(3000), static_cast<char>('a' + i % 26));
      expected += text;
      switch (random.below(3)) {
        case 0:
          out.borrow(kept.emplace_back(text));
          break;
        case 1:
          out.buffer() += text;
          break;
        default:
          out.write(text);
      }
      out.maybe_flush();
    }
  }
  EXPECT_EQ(reader.finish(), expected);
}

}  // namespace
}  // namespace sluice::cli
