#include "logd/daemon/service.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "common/base/json_line.h"
#include "common/event/event_id.h"
#include "logd/daemon/messages.h"

namespace lb::logd {

namespace {

constexpr int kBacklog = 1024;

// Two daemons on one state directory would give out the same counters and segments.
Result<int> lock_state(const std::string& directory) {
    const std::string path = directory + "/lock";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0) return system_error("opening", path, errno);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
    ::close(descriptor);
    return Error{ErrorCode::kConflict, "another lb-logd uses the state directory " + directory};
}

Result<int> listen_at(const std::string& path, std::uint32_t mode) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return Error{ErrorCode::kReject, "the socket's path is too long: " + path};
    std::memcpy(address.sun_path, path.data(), path.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return system_error("making", "a socket", errno);
    ::unlink(path.c_str());  // of an earlier life: the lock says that nobody else listens
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), mode) != 0 || ::listen(descriptor, kBacklog) != 0) {
        const Error error = system_error("listening at", path, errno);
        ::close(descriptor);
        return error;
    }
    return descriptor;
}

// The sockets that systemd made for us, by FileDescriptorName; -1: none.
struct InheritedSockets {
    int local = -1;
    int remote = -1;
};

InheritedSockets inherited_sockets() {
    InheritedSockets sockets;
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
        const int descriptor = SD_LISTEN_FDS_START + i;
        ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
        (std::string_view(names[i]) == "remote" ? sockets.remote : sockets.local) = descriptor;
        std::free(names[i]);
    }
    std::free(names);
    return sockets;
}

}  // namespace

app::Program logd_program() {
    app::Program program;
    program.name = "lb-logd";
    program.summary = "takes the events of this host's programs and makes them durable";
    program.options = option_table();
    program.messages = kMessages;
    program.default_directories = {"/var/spool/lb", "/run/lb"};
    program.start = &LogdService::start;
    program.check = [](const config::Config& config, const app::Directories& directories) {
        const auto options = options_of(config, directories);
        return options.ok() ? Status() : Status(options.error());
    };
    return program;
}

LogdService::LogdService(int lock, std::unique_ptr<Server> server, std::unique_ptr<RemoteDoor> door)
    : lock_(lock), server_(std::move(server)), door_(std::move(door)), thread_([this] {
          const Status status = server_->run();
          if (!status.ok()) log::write(kServerFailed, status.error().text);
      }) {}

LogdService::~LogdService() {
    stop();
    ::close(lock_);
}

Result<std::unique_ptr<app::Service>> LogdService::start(const config::Config& config,
                                                         const app::Directories& directories) {
    ::signal(SIGXFSZ, SIG_IGN);  // a file over its limit is an error like a full disk
    ::signal(SIGPIPE, SIG_IGN);
    LB_TRY_ASSIGN(const LogdOptions options, options_of(config, directories));
    env::Env& env = env::posix_env();
    LB_TRY(env::make_directories(env, directories.state));
    LB_TRY(env::make_directories(env, directories.runtime));
    LB_TRY_ASSIGN(const int lock, lock_state(directories.state));
    const InheritedSockets sockets = inherited_sockets();
    int listener = sockets.local;
    if (listener < 0) {
        LB_TRY_ASSIGN(listener, listen_at(options.socket_path, options.socket_mode));
    }
    LB_TRY_ASSIGN(auto server, Server::create(env, options, listener, metrics::Registry::global()));
    log::write(kListening, options.socket_path, options.spool_directory,
               event::event_id_to_text(server->origin_id()));
    std::unique_ptr<RemoteDoor> door;
    if (options.remote.port != 0 || sockets.remote >= 0) {
        const auto admit = [to = server.get()](int descriptor, Producer producer) {
            to->admit_remote(descriptor, std::move(producer));
        };
        LB_TRY_ASSIGN(
            door, RemoteDoor::open(options, sockets.remote, admit, metrics::Registry::global()));
    }
    return std::unique_ptr<app::Service>(new LogdService(lock, std::move(server), std::move(door)));
}

void LogdService::stop() {
    if (door_) door_->close();
    server_->stop();
    if (thread_.joinable()) thread_.join();
    if (door_) door_->stop();
}

// Certificates and revocation lists are read again; new connections use them. No option is
// reloadable: a restart takes milliseconds, and with socket activation no producer notices it.
Status LogdService::reload(const config::Config&) {
    return door_ ? door_->credentials().reload() : Status();
}

Result<bool> LogdService::renew() {
    return door_ ? door_->credentials().reload_if_changed() : Result<bool>(false);
}

std::string LogdService::status_json() const {
    nlohmann::json status = server_->metrics().to_json();
    if (door_) status["remote"] = door_->to_json();
    return json_line(status);
}

Result<std::string> LogdService::control(std::string_view verb, std::string_view) {
    return app::unknown_verb("lb-logd", verb);
}

}  // namespace lb::logd
