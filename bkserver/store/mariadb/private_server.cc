#include "bkserver/store/mariadb/private_server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bkserver/store/mariadb/child_process.h"
#include "bkserver/store/mariadb/connection.h"
#include "common/base/guard.h"

namespace lb::store::mariadb {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
namespace fs = std::filesystem;

// Recovery of a large redo log may take its time.
constexpr auto kAnswerDeadline = seconds(120);
constexpr auto kStopDeadline = seconds(60);
constexpr auto kLeftoverDeadline = seconds(30);
constexpr auto kPoll = milliseconds(25);
// Between the death of one life and the next: doubles up to the greatest while lives stay short.
constexpr auto kPauseLeast = milliseconds(100);
constexpr auto kPauseMost = milliseconds(5000);
constexpr auto kLongLife = seconds(60);
constexpr std::size_t kLogTailBytes = 600;

std::string tail_of(const std::string& path) {
    std::ifstream file(path, std::ios::ate | std::ios::binary);
    if (!file) return "(no " + path + ")";
    const auto size = static_cast<std::size_t>(file.tellg());
    const std::size_t wanted = std::min(size, kLogTailBytes);
    file.seekg(static_cast<std::streamoff>(size - wanted));
    std::string tail(wanted, '\0');
    file.read(tail.data(), static_cast<std::streamsize>(wanted));
    return "end of " + path + ":\n" + tail;
}

// Makes what lies under `path` durable, and the name itself.
Status sync_tree(const std::string& path) {
    const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return system_error("opening", path, errno);
    const int outcome = syncfs(directory);
    const int sync_error = errno;
    close(directory);
    if (outcome != 0) return system_error("syncing", path, sync_error);
    return {};
}

Status make_private_directory(const std::string& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return system_error("creating", path, error.value());
    fs::permissions(path, fs::perms::owner_all, error);
    if (error) return system_error("closing to others", path, error.value());
    return {};
}

// The process of that number, if it is a server over `data_dir`.
bool is_server_of(pid_t pid, const std::string& data_dir) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
    const std::string command((std::istreambuf_iterator<char>(file)), {});
    const std::string wanted = "--datadir=" + data_dir;
    return command.find(wanted + '\0') != std::string::npos;
}

bool is_gone_within(pid_t pid, const std::string& data_dir, seconds at_most) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    while (is_server_of(pid, data_dir)) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(kPoll);
    }
    return true;
}

}  // namespace

PrivateServer::PrivateServer(PrivateServerOptions options)
    : options_(std::move(options)),
      data_dir_(options_.state_dir + "/data"),
      tmp_dir_(options_.state_dir + "/tmp"),
      socket_(options_.runtime_dir + "/mariadb.sock"),
      pid_file_(options_.state_dir + "/mariadbd.pid"),
      error_log_(options_.state_dir + "/mariadbd.log") {}

Result<std::unique_ptr<PrivateServer>> PrivateServer::start(PrivateServerOptions options) {
    std::unique_ptr<PrivateServer> server(new PrivateServer(std::move(options)));
    LB_TRY(server->prepare());
    server->watcher_ = std::thread([raw = server.get()] {
        const Status watched = guarded([raw] { raw->watch(); });
        if (watched.ok()) return;
        // The private mariadbd ends with this thread: who watches over us starts us again.
        raw->options_.on_message("a defect, report it: " + watched.error().text);
        std::abort();
    });
    LB_TRY(server->wait_until_it_answers());
    return server;
}

PrivateServer::~PrivateServer() {
    stop();
    if (lock_ >= 0) close(lock_);
}

Status PrivateServer::prepare() {
    if (socket_.size() >= sizeof(sockaddr_un{}.sun_path))
        return Error{ErrorCode::kReject, "socket path " + socket_ + " is too long (limit " +
                                             std::to_string(sizeof(sockaddr_un{}.sun_path) - 1) +
                                             " bytes): choose a shorter runtime directory"};
    LB_TRY(make_private_directory(options_.state_dir));
    LB_TRY(make_private_directory(options_.runtime_dir));
    LB_TRY(make_private_directory(tmp_dir_));
    LB_TRY_ASSIGN(options_.mariadbd, find_program(options_.mariadbd));
    LB_TRY(lock_state_dir());
    end_leftover();
    if (!fs::exists(data_dir_)) LB_TRY(bootstrap());
    return {};
}

Status PrivateServer::lock_state_dir() {
    const std::string path = options_.state_dir + "/lock";
    lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0) return system_error("opening", path, errno);
    if (flock(lock_, LOCK_EX | LOCK_NB) != 0)
        return Error{ErrorCode::kConflict, "another server uses " + options_.state_dir};
    return {};
}

// A server whose parent was killed: normally the kernel has killed it too, and this finds nothing.
void PrivateServer::end_leftover() {
    std::ifstream file(pid_file_);
    pid_t pid = 0;
    if (!(file >> pid) || pid <= 1 || !is_server_of(pid, data_dir_)) return;
    options_.on_message("ending the mariadbd of an earlier life, pid " + std::to_string(pid));
    kill(pid, SIGTERM);
    if (is_gone_within(pid, data_dir_, kLeftoverDeadline)) return;
    kill(pid, SIGKILL);
    is_gone_within(pid, data_dir_, kLeftoverDeadline);
}

// The first start of InnoDB in an empty directory does not survive a crash: so it happens aside,
// and only what ended well gets the name `data`.
Status PrivateServer::bootstrap() {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(options_.state_dir, ignored))
        if (entry.path().filename().string().starts_with("data.tmp"))
            fs::remove_all(entry, ignored);
    // A name of this very attempt: a bootstrap that outlived its parent cannot touch it.
    const std::string aside = data_dir_ + ".tmp." + std::to_string(getpid());
    LB_TRY(make_private_directory(aside));
    LB_TRY_ASSIGN(const std::string install_db, find_program(options_.mariadb_install_db));
    options_.on_message("setting up a database in " + data_dir_);
    std::vector<std::string> arguments = {
        install_db,
        "--no-defaults",
        "--datadir=" + aside,
        "--tmpdir=" + tmp_dir_,
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
        "--innodb-log-file-size=" + std::to_string(options_.log_file_mib) + "M"};
    if (geteuid() == 0) arguments.emplace_back("--user=root");
    const std::string log = options_.state_dir + "/mariadb-install-db.log";
    LB_TRY_ASSIGN(const pid_t child, spawn(arguments, log));
    if (const int code = wait_for(child); code != 0)
        return Error{ErrorCode::kRetry, "mariadb-install-db ended with code " +
                                            std::to_string(code) + "; " + tail_of(log)};
    LB_TRY(sync_tree(aside));
    std::error_code error;
    fs::rename(aside, data_dir_, error);
    if (error) return system_error("renaming", aside, error.value());
    return sync_tree(options_.state_dir);
}

std::vector<std::string> PrivateServer::command_line() const {
    const auto mib = [](std::uint32_t size) { return std::to_string(size) + "M"; };
    std::vector<std::string> arguments = {
        options_.mariadbd,
        "--no-defaults",
        "--datadir=" + data_dir_,
        "--tmpdir=" + tmp_dir_,
        "--socket=" + socket_,
        "--skip-networking",
        "--pid-file=" + pid_file_,
        "--log-error=" + error_log_,
        "--skip-name-resolve",
        "--innodb-flush-log-at-trx-commit=1",
        "--innodb-buffer-pool-size=" + mib(options_.buffer_pool_mib),
        "--innodb-log-file-size=" + mib(options_.log_file_mib),
        "--innodb-log-buffer-size=8M",
        // The higher levels take more time and save next to nothing: bodies are packed already.
        "--innodb-compression-level=1",
        "--performance-schema=OFF",
        "--key-buffer-size=1M",
        "--aria-pagecache-buffer-size=1M",
        "--query-cache-size=0",
    };
    if (geteuid() == 0) arguments.emplace_back("--user=root");
    return arguments;
}

void PrivateServer::watch() {
    auto pause = kPauseLeast;
    for (;;) {
        const auto begin = std::chrono::steady_clock::now();
        live_once();
        const bool was_long = std::chrono::steady_clock::now() - begin > kLongLife;
        pause = was_long ? kPauseLeast : std::min(pause * 2, kPauseMost);
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, pause, [&] { return is_stopping_; });
        if (is_stopping_) break;
        restarts_ += 1;
    }
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    changed_.notify_all();
}

// Starts the server and returns when it is dead.
void PrivateServer::live_once() {
    pid_t child = 0;
    {
        const std::lock_guard lock(mutex_);
        if (is_stopping_) return;
        const auto started = spawn(command_line(), error_log_);
        if (!started.ok()) {
            last_failure_ = started.error().text;
            return;
        }
        child = *started;
        pid_ = child;
    }
    const int code = wait_for(child);
    const std::lock_guard lock(mutex_);
    pid_ = 0;
    if (is_stopping_) return;
    last_failure_ = "mariadbd ended with code " + std::to_string(code) + "; " + tail_of(error_log_);
    options_.on_message(last_failure_);
    changed_.notify_all();
}

Status PrivateServer::wait_until_it_answers() {
    const auto deadline = std::chrono::steady_clock::now() + kAnswerDeadline;
    Connection connection(dsn(""));
    for (;;) {
        const Status answer = connection.use();
        if (answer.ok()) return {};
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kPoll, [&] { return !last_failure_.empty(); });
        if (!last_failure_.empty())
            return Error{ErrorCode::kRetry,
                         "the private database does not start: " + last_failure_};
        if (std::chrono::steady_clock::now() >= deadline)
            return answer.error().within("the private database does not answer");
    }
}

void PrivateServer::stop() {
    if (!watcher_.joinable()) return;
    {
        std::unique_lock lock(mutex_);
        is_stopping_ = true;
        changed_.notify_all();
        if (const pid_t pid = pid_; pid > 0) kill(pid, SIGTERM);
        const bool ended = changed_.wait_for(lock, kStopDeadline, [&] { return has_ended_; });
        if (const pid_t pid = pid_; !ended && pid > 0) kill(pid, SIGKILL);
    }
    watcher_.join();
}

Dsn PrivateServer::dsn(std::string database) const {
    Dsn dsn;
    dsn.socket = socket_;
    dsn.user = "root";
    dsn.database = std::move(database);
    return dsn;
}

}  // namespace lb::store::mariadb
