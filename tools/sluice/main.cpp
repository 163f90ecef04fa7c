#include "base/standard_streams.hpp"
#include "tools/sluice/app.hpp"
#include "tools/sluice/cli.hpp"

#include <csignal>
#include <exception>

int main(int argc, char** argv) {
  sluice::keep_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return sluice::cli::run(argc, argv);
  } catch (const std::exception& error) {  // out of memory, or a bug of ours
    return static_cast<int>(sluice::cli::complain(sluice::cli::Exit::failed, error.what()));
  }
}
