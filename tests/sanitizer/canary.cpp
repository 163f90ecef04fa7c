// The canaries of tests/sanitize.py: each does on purpose what a sanitizer must report. A run that
// does not see them has not looked.
//
//   sanitizer_canary heap | undefined | leak | race
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <string_view>
#include <thread>

namespace {

volatile std::size_t beyond = 8;
volatile std::int32_t largest = std::numeric_limits<std::int32_t>::max();
int shared_number = 0;

int read_beyond_the_heap() {
  const auto bytes = std::make_unique<char[]>(8);
  return bytes[beyond];
}

int overflow() {
  const std::int32_t sum = largest + 1;
  return sum;
}

int leak() {
  auto* lost = new int[16]{};
  lost[beyond] = 1;
  const int kept = lost[beyond];
  lost = nullptr;
  return kept;
}

int race() {
  std::jthread other([] { ++shared_number; });
  ++shared_number;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc > 1 ? argv[1] : "";
  if (kind == "heap") return read_beyond_the_heap();
  if (kind == "undefined") return overflow();
  if (kind == "leak") return leak();
  if (kind == "race") return race();
  std::fputs("usage: sanitizer_canary heap | undefined | leak | race\n", stderr);
  return 2;
}
