#include "bkserver/cli/child_output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace lb::cli {

namespace {

constexpr int kTimeoutMs = 30'000;
constexpr std::size_t kOutputBytesMax = 4 * 1024 * 1024;

}  // namespace

Result<std::string> output_of(const std::vector<std::string>& command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("making", "a pipe", errno);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    std::vector<char*> arguments;
    for (const std::string& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int problem =
        ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (problem != 0) {
        ::close(ends[0]);
        return system_error("running", command[0], problem);
    }
    std::string output;
    char buffer[4096];
    pollfd waited{ends[0], POLLIN, 0};
    bool is_whole = false;
    while (!is_whole && output.size() < kOutputBytesMax && ::poll(&waited, 1, kTimeoutMs) > 0) {
        const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
        is_whole = count <= 0;
        if (count > 0) output.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(ends[0]);
    if (!is_whole) ::kill(pid, SIGTERM);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
    return Error{ErrorCode::kRetry, command[0] + " failed; its own message stands above"};
}

}  // namespace lb::cli
