#include "tests/support/private_mariadb.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace lb::test {

namespace {

namespace fs = std::filesystem;
using store::mariadb::PrivateServer;

constexpr std::uint32_t kBufferPoolMib = 32;
constexpr std::uint32_t kLogFileMib = 16;

[[noreturn]] void give_up(const std::string& what) {
    std::fprintf(stderr, "private mariadbd for tests: %s\n", what.c_str());
    std::abort();
}

std::string template_directory() {
    const char* const build = std::getenv("LB_BINARY_DIR");
    return std::string(build == nullptr ? "/tmp" : build) + "/tests/mariadb-template-" +
           std::to_string(geteuid());
}

// Makes the template if it is not there; binaries that start at once wait for each other.
std::string ready_template() {
    const std::string directory = template_directory();
    fs::create_directories(directory);
    const int lock =
        open((directory + "/template.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0) give_up("cannot lock " + directory);
    if (!fs::exists(directory + "/state/data")) {
        const std::string runtime = make_short_directory();
        auto options = small_server_options(runtime);
        options.state_dir = directory + "/state";
        auto server = PrivateServer::start(options);
        if (!server.ok()) give_up(server.error().text);
        (*server)->stop();
        fs::remove_all(runtime);
    }
    close(lock);
    return directory + "/state/data";
}

}  // namespace

store::mariadb::PrivateServerOptions small_server_options(const std::string& directory) {
    store::mariadb::PrivateServerOptions options;
    options.state_dir = directory + "/state";
    options.runtime_dir = directory + "/run";
    options.buffer_pool_mib = kBufferPoolMib;
    options.log_file_mib = kLogFileMib;
    return options;
}

std::string make_short_directory() {
    std::string path = "/tmp/lb-test-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) give_up("cannot make a directory in /tmp");
    return path;
}

PrivateMariadb::PrivateMariadb() : directory_(make_short_directory()) {
    const std::string data = ready_template();
    fs::create_directories(directory_ + "/state");
    fs::copy(data, directory_ + "/state/data", fs::copy_options::recursive);
    auto server = PrivateServer::start(small_server_options(directory_));
    if (!server.ok()) give_up(server.error().text);
    server_ = std::move(*server);
}

PrivateMariadb::~PrivateMariadb() {
    server_->stop();
    fs::remove_all(directory_);
}

PrivateMariadb& PrivateMariadb::shared() {
    static PrivateMariadb instance;
    return instance;
}

store::mariadb::Dsn PrivateMariadb::fresh_dsn() {
    return server_->dsn("lb_test_" + std::to_string(++databases_));
}

void PrivateMariadb::kill() {
    if (const pid_t pid = server_->pid(); pid > 0) ::kill(pid, SIGKILL);
}

}  // namespace lb::test
