// Starting and ending a child process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace lb::store::mariadb {

// Full path of a program: as given if it has a slash, else from PATH and the system's sbin
// directories.
Result<std::string> find_program(const std::string& name);

// Starts `arguments[0]` with output and errors appended to `output_path`, in a process group of its
// own (a terminal's Ctrl-C is for us), killed by the kernel when the calling thread ends.
Result<pid_t> spawn(const std::vector<std::string>& arguments, const std::string& output_path);

// Exit code, or 128 + signal.
int wait_for(pid_t child);
// Whether the child ended by itself in that time; its status is taken then.
bool wait_for(pid_t child, std::chrono::milliseconds at_most);

}  // namespace lb::store::mariadb
