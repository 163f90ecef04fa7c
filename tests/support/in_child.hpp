// Runs a function in a child process, for what cannot be undone in this one: limits, filters of
// system calls, being killed.
#pragma once

#include "base/check.hpp"

#include <sys/wait.h>
#include <unistd.h>

namespace sluice {

// The exit status of `body`, which returns it; 128 + signal when it died.
inline int in_child(int (*body)(const char* argument), const char* argument) {
  const pid_t child = ::fork();
  SLUICE_CHECK(child >= 0);
  if (child == 0) ::_exit(body(argument));
  int status = 0;
  SLUICE_CHECK(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace sluice
