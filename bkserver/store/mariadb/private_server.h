// A mariadbd of our own: started, watched and stopped by this process, reached through a Unix
// socket only. Its data are either wholly set up or not there at all: they are made aside and
// renamed into place. It dies with this process; when it dies alone it is started again, and the
// store's transactions are repeated by their callers.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bkserver/store/mariadb/dsn.h"
#include "common/base/result.h"

namespace lb::store::mariadb {

struct PrivateServerOptions {
    std::string state_dir;              // holds data/, made by us, mode 0700
    std::string runtime_dir;            // holds the socket: short, mode 0700
    std::string mariadbd = "mariadbd";  // looked up in PATH and the sbins
    std::string mariadb_install_db = "mariadb-install-db";
    std::uint32_t buffer_pool_mib = 128;
    std::uint32_t log_file_mib = 96;
    // Told what happens, for the log: called by the thread that watches.
    std::function<void(const std::string&)> on_message = [](const std::string&) {};
};

class PrivateServer {
  public:
    // Returns when the server answers. Sets up its data when there are none.
    static Result<std::unique_ptr<PrivateServer>> start(PrivateServerOptions options);
    ~PrivateServer();
    PrivateServer(const PrivateServer&) = delete;
    PrivateServer& operator=(const PrivateServer&) = delete;

    // A clean stop; within the deadline of the server itself, which flushes its pages.
    void stop();

    [[nodiscard]] Dsn dsn(std::string database) const;
    [[nodiscard]] pid_t pid() const { return pid_; }  // 0 between two lives
    // How often it had to be started again.
    [[nodiscard]] std::uint64_t restarts() const { return restarts_; }

  private:
    explicit PrivateServer(PrivateServerOptions options);

    Status prepare();
    Status lock_state_dir();
    Status bootstrap();
    void end_leftover();
    void watch();
    void live_once();
    Status wait_until_it_answers();
    [[nodiscard]] std::vector<std::string> command_line() const;

    PrivateServerOptions options_;
    std::string data_dir_;
    // Not shared with any other mariadbd: each one removes all temporary tables that it finds.
    std::string tmp_dir_;
    std::string socket_;
    std::string pid_file_;
    std::string error_log_;
    int lock_ = -1;  // of the state directory, as long as we live
    std::atomic<pid_t> pid_ = 0;
    std::atomic<std::uint64_t> restarts_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_stopping_ = false;  // these three under mutex_
    bool has_ended_ = false;    // the watcher is done
    std::string last_failure_;  // why the last life could not begin, or ended
    std::thread watcher_;       // forks the server, which is killed when this thread ends
};

}  // namespace lb::store::mariadb
