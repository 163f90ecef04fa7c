#include "base/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace sluice {

void keep_standard_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream)
    if (::fcntl(stream, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDONLY));
}

}  // namespace sluice
