// Runs a fuzz entry as a normal test: on each file of its corpus, and on mutations of it.
// Usage: NAME DIRECTORY [MUTATIONS-EACH]. Repeats exactly; a finding stops the program.
#include "base/random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// Flips bits, overwrites bytes with ends of ranges, cuts the end off.
std::vector<std::uint8_t> mutated(std::vector<std::uint8_t> input, sluice::Random& random) {
  static constexpr std::uint8_t ends[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  for (std::uint64_t n = 1 + random.below(4); n != 0 && !input.empty(); --n) {
    std::uint8_t& at = input[random.below(input.size())];
    switch (random.below(8)) {
      case 0:
        input.resize(random.below(input.size()));
        break;
      case 1:
      case 2:
        at = ends[random.below(std::size(ends))];
        break;
      default:
        at = static_cast<std::uint8_t>(at ^ (1u << random.below(8)));
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: NAME DIRECTORY [MUTATIONS-EACH]\n", stderr), 2;
  const int mutations = argc > 2 ? std::atoi(argv[2]) : 2000;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{argv[1]})
    files.push_back(entry.path());
  std::ranges::sort(files);
  if (files.empty()) return std::fputs("empty corpus\n", stderr), 2;
  sluice::SeededRandom random{1};
  for (const auto& file : files) {
    std::ifstream stream{file, std::ios::binary};
    const std::vector<std::uint8_t> input{std::istreambuf_iterator<char>{stream}, {}};
    LLVMFuzzerTestOneInput(input.data(), input.size());
    for (int i = 0; i < mutations; ++i) {
      const auto variant = mutated(input, random);
      LLVMFuzzerTestOneInput(variant.data(), variant.size());
    }
  }
  std::printf("%zu files, %d mutations each\n", files.size(), mutations);
  return 0;
}
