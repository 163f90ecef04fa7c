// What both backends must do under load, at limits and when torn down early; used by uring_test and
// thread_backend_test.
#pragma once

#include "storage/open_file_system.hpp"

namespace sluice::storage {

// Many more writes at once than `options` lets through together; all arrive.
void many_at_once(FileSystemOptions options);
// The file system is destroyed while writes are in flight: their buffers live until the kernel is
// done, the coroutines end without resuming.
void destroyed_in_flight(FileSystemOptions options);
// close() returns only when everything in flight has ended.
void close_waits(FileSystemOptions options);
// A file size limit cuts a write short: an error, and nothing is called written. Run in a child.
int short_write_is_an_error(const char* backend);
// The kernel's errors come out as they are.
void errors_are_reported(FileSystemOptions options);

}  // namespace sluice::storage
