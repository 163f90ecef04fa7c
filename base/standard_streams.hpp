// Standard input, output and error of a process, which its parent may have closed.
#pragma once

namespace sluice {

// Opens /dev/null for reading in place of each of the three that is closed, so that no file or
// socket gets its number and with it what is meant for people. Reading then ends at once; writing
// fails with EBADF. To be called first in main(): it relies on open() giving the lowest free
// number.
void keep_standard_streams();

}  // namespace sluice
