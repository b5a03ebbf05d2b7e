#include "bkserver/store/mariadb/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <thread>

namespace lb::store::mariadb {

namespace {

constexpr int kExitCannotRun = 127;

int exit_code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Between fork and exec of a program with threads: calls that are safe there, nothing else.
[[noreturn]] void become(char* const* arguments, int output, pid_t parent) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kExitCannotRun);  // it died before prctl
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    close_range(3, ~0U, 0);
    execv(arguments[0], arguments);
    _exit(kExitCannotRun);
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) return name;
    const char* const path = std::getenv("PATH");
    std::stringstream places(std::string(path == nullptr ? "" : path) +
                             ":/usr/sbin:/usr/libexec:/usr/bin:/usr/local/sbin");
    std::string place;
    while (std::getline(places, place, ':')) {
        const std::string candidate = place + "/" + name;
        if (!place.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return Error{ErrorCode::kNotFound,
                 "program " + name +
                     " is not installed (package mariadb-server-core), or give a "
                     "database of your own in the configuration"};
}

Result<pid_t> spawn(const std::vector<std::string>& arguments, const std::string& output_path) {
    std::vector<char*> pointers;
    for (const std::string& argument : arguments)
        pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    const int output = open(output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0) return system_error("opening", output_path, errno);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) become(pointers.data(), output, parent);
    const int fork_error = errno;
    close(output);
    if (child < 0) return system_error("starting", arguments[0], fork_error);
    return child;
}

int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return exit_code_of(status);
}

bool wait_for(pid_t child, std::chrono::milliseconds at_most) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

}  // namespace lb::store::mariadb
