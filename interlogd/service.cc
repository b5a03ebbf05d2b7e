#include "interlogd/service.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <future>

#include "common/base/json_line.h"
#include "common/event/time_text.h"
#include "interlogd/messages.h"

namespace lb::interlogd {

namespace {

// The loop must come around in this time, else the daemon counts as stuck.
constexpr std::uint64_t kStuckUs = 10'000'000;

// Two forwarders of one spool would settle each other's events.
Result<int> lock_spool(const std::string& directory) {
    const std::string path = directory + "/interlogd.lock";
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0) return system_error("opening", path, errno);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
    ::close(descriptor);
    return Error{ErrorCode::kConflict, "another lb-interlogd forwards the spool " + directory};
}

}  // namespace

app::Program interlogd_program() {
    app::Program program;
    program.name = "lb-interlogd";
    program.summary = "forwards the events of this host's spool to their bookkeeping servers";
    program.options = option_table();
    program.messages = kMessages;
    program.default_directories = {"/var/spool/lb", "/run/lb"};
    program.start = &ForwardService::start;
    program.check = [](const config::Config& config, const app::Directories& directories) {
        const auto options = options_of(config, directories);
        return options.ok() ? Status() : Status(options.error());
    };
    return program;
}

Result<std::unique_ptr<app::Service>> ForwardService::start(const config::Config& config,
                                                            const app::Directories& directories) {
    LB_TRY_ASSIGN(ForwarderOptions options, options_of(config, directories));
    env::Env& env = env::posix_env();
    LB_TRY(env::make_directories(env, options.spool_directory));
    std::unique_ptr<ForwardService> service(new ForwardService());
    LB_TRY_ASSIGN(service->lock_, lock_spool(options.spool_directory));
    LB_TRY_ASSIGN(service->credentials_, tls::Credentials::load(options.tls));
    service->drain_ms_ = options.drain_ms;
    const std::string spool = options.spool_directory;
    service->links_ = std::make_unique<TlsLinkMaker>(service->loop_, service->credentials_,
                                                     options.host, options.routes);
    LB_TRY_ASSIGN(service->forwarder_,
                  Forwarder::create(env, service->loop_, *service->links_, std::move(options),
                                    metrics::Registry::global()));
    service->thread_ = std::thread([raw = service.get()] {
        try {
            raw->loop_.run();
        } catch (const std::exception& exception) {
            // Nobody would be answered any more: who watches over us starts us again.
            log::write(kLoopFailed, exception.what());
            std::abort();
        }
    });
    service->loop_.post([raw = service.get()] { raw->forwarder_->begin(); });
    log::write(kForwarding, spool, service->credentials_->own_identity().dn);
    return std::unique_ptr<app::Service>(std::move(service));
}

ForwardService::~ForwardService() {
    stop();
    if (lock_ >= 0) ::close(lock_);
}

template <typename Task>
auto ForwardService::in_loop(Task task) const {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto done = packaged.get_future();
    loop_.post([&packaged] { packaged(); });
    return done.get();
}

void ForwardService::stop() {
    if (!thread_.joinable()) return;
    const auto end = std::chrono::steady_clock::now() + net::Milliseconds(drain_ms_);
    while (!in_loop([this] { return forwarder_->drain(); }) &&
           std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(net::Milliseconds(10));
    in_loop([this] { forwarder_->end(); });
    loop_.stop();
    thread_.join();
}

// Certificates are read again; new connections use them.
Status ForwardService::reload(const config::Config&) {
    return credentials_->reload();
}

Result<bool> ForwardService::renew() {
    return credentials_->reload_if_changed();
}

std::string ForwardService::status_json() const {
    const nlohmann::ordered_json status = {
        {"daemon", "lb-interlogd"},
        {"version", LB_VERSION},
        {"identity", credentials_->own_identity().dn},
        {"certificate_expires", event::time_to_text(credentials_->not_after_us())},
        {"destinations", in_loop([this] { return forwarder_->to_json(); })}};
    return json_line(status);
}

Result<std::string> ForwardService::control(std::string_view verb, std::string_view argument) {
    if (verb != "retry") return app::unknown_verb("lb-interlogd", verb, "retry [host:port]");
    const std::string destination(argument);
    LB_TRY(in_loop([&] { return forwarder_->retry(destination); }));
    return json_line(nlohmann::json{{"retry", destination.empty() ? "all" : destination}});
}

bool ForwardService::is_alive() const {
    return env::posix_env().monotonic_us() < forwarder_->ticked_at_us() + kStuckUs;
}

}  // namespace lb::interlogd
