// The canary: a fault on purpose, which the fuzzer must find and report, or nothing it says is
// worth anything. `./dev fuzz` and the test fuzz_canary fail when it survives.
//
// Input: anything; four bytes in a row are its end.
#include "base/check.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  SLUICE_CHECK(text.find("tern") == std::string_view::npos);
  return 0;
}
