// The skeleton that all daemons share: command line, configuration, signals, systemd, control
// socket. A daemon's main() fills a Program and calls run_program(); what differs is in its
// start().
//
// Signals: TERM and INT stop, HUP reloads after the new configuration was checked, USR1 writes the
// status to the log. A dedicated thread takes them, so no code of ours runs in a handler.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/log/log.h"

namespace lb::app {

// After sysexits.h.
enum class ExitCode {
    kDone = 0,
    kUsage = 64,
    kBug = 70,
    kCannotCreate = 73,
    kTryAgain = 75,
    kConfig = 78,
};

// Where a daemon keeps its things.
struct Directories {
    std::string state;    // what must survive: spool, data
    std::string runtime;  // sockets; may vanish with a reboot
};

// The refusal of a control verb that `daemon` does not have. `own`: its verbs beside those that all
// have, "retry [host:port]".
Error unknown_verb(std::string_view daemon, std::string_view verb, std::string_view own = {});

// A running daemon. Its destructor has nothing left to do after stop().
class Service {
  public:
    virtual ~Service() = default;
    // Drains and stops; returns when all threads are gone. Called once.
    virtual void stop() = 0;
    // Takes over reloadable options, certificates, policies. `config` was checked.
    virtual Status reload(const config::Config& config) = 0;
    // Called about once a minute. Takes over what others renew at any time, such as certificates
    // and revocation lists; true when there was something new. After an error the old stays.
    virtual Result<bool> renew() { return false; }
    // A JSON object about the present state, for people and probes.
    [[nodiscard]] virtual std::string status_json() const = 0;
    // A control verb of the daemon's own, for example "retry lb.example.org:9000". The answer is
    // JSON.
    virtual Result<std::string> control(std::string_view verb, std::string_view argument) = 0;
    // True while it makes progress: feeds systemd's watchdog.
    [[nodiscard]] virtual bool is_alive() const { return true; }
};

struct Program {
    std::string_view name;     // "lb-logd": of the process, the log and the control socket
    std::string_view summary;  // first line of --help
    std::span<const config::Option> options;
    std::span<const log::Message> messages;  // for --list-messages
    Directories default_directories;
    // Builds the service; its threads run when it returns.
    std::function<Result<std::unique_ptr<Service>>(const config::Config&, const Directories&)>
        start;
    // What --check-config looks at beyond the table of options: how they fit together, the files
    // they name. May be empty.
    std::function<Status(const config::Config&, const Directories&)> check;
    // Further switches that print something and end, such as --print-states; text by name, may be
    // empty.
    std::function<Result<std::string>(std::string_view name, std::string_view value)> print;
    std::vector<std::pair<std::string_view, std::string_view>> print_switches;  // name, help
};

// The whole life of a daemon; what main() returns.
int run_program(const Program& program, int argc, char** argv);

}  // namespace lb::app
