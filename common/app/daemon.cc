#include "common/app/daemon.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "common/app/command_line.h"
#include "common/app/control.h"
#include "common/app/messages.h"
#include "common/base/json_line.h"
#include "common/metrics/metrics.h"

namespace lb::app {

namespace {

using nlohmann::json;

constexpr auto kRenewalInterval = std::chrono::minutes(1);

int complain(const Program& program, const Error& error, ExitCode exit_code) {
    std::fprintf(stderr, "%s: %s\n", std::string(program.name).c_str(), error.text.c_str());
    return static_cast<int>(exit_code);
}

int print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return static_cast<int>(ExitCode::kDone);
}

std::string list_messages(const Program& program) {
    std::string out;
    for (const auto messages : {std::span<const log::Message>(kMessages), program.messages})
        for (const log::Message& message : messages)
            out += fmt::format("{} ({})\n  {}\n  {}\n", message.id, log::to_string(message.level),
                               message.text, message.remedy);
    return out;
}

std::string error_json(const Error& error) {
    return json_line(json{{"error", error.text}, {"code", to_string(error.code)}});
}

sigset_t handled_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
    return signals;
}

// As many descriptors as the administrator allows: the usual soft limit of 1024 is for programs
// that use select(). Where the kernel refuses, the soft limit stays.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Status make_directory(const std::string& path, unsigned mode) {
    std::error_code error;
    const bool is_new = std::filesystem::create_directories(path, error);
    if (error) return system_error("creating", path, error.value());
    if (is_new && chmod(path.c_str(), mode) != 0)
        return system_error("setting mode of", path, errno);
    return {};
}

// A daemon from its configuration on: signals, control socket, systemd.
class Runner {
  public:
    Runner(const Program& program, const CommandLine& line, config::Config config)
        : program_(program), line_(line), config_(std::move(config)) {}

    int run() {
        const sigset_t signals = handled_signals();
        pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // for every thread made from here on
        std::signal(SIGPIPE, SIG_IGN);
        raise_descriptor_limit();
        if (const Status status = start(); !status.ok()) {
            log::write(kCannotStart, status.error().text);
            return static_cast<int>(status.error().code == ErrorCode::kRetry
                                        ? ExitCode::kTryAgain
                                        : ExitCode::kCannotCreate);
        }
        log::write(kStarted, LB_VERSION);
        sd_notify(0, "READY=1");
        wait_for_end(signals);
        sd_notify(0, "STOPPING=1");
        log::write(kStopping);
        control_.reset();
        service_->stop();
        return static_cast<int>(ExitCode::kDone);
    }

  private:
    Status start() {
        LB_TRY(make_directory(line_.directories.state, 0750));
        LB_TRY(make_directory(line_.directories.runtime, 0755));
        LB_TRY_ASSIGN(service_, program_.start(config_, line_.directories));
        LB_TRY_ASSIGN(control_,
                      ControlSocket::open(control_path(), [this](auto verb, auto argument) {
                          return answer(verb, argument);
                      }));
        return {};
    }

    std::string control_path() const {
        return line_.directories.runtime + "/" + std::string(program_.name) + ".control";
    }

    void wait_for_end(const sigset_t& signals) {
        std::uint64_t watchdog_us = 0;
        const bool has_watchdog = sd_watchdog_enabled(0, &watchdog_us) > 0;
        const timespec pause{1, 0};
        for (;;) {
            const int signal = sigtimedwait(&signals, nullptr, &pause);
            if (signal == SIGTERM || signal == SIGINT) return;
            if (signal == SIGHUP) reload();
            if (signal == SIGUSR1) log::write(kStatus, service_->status_json());
            look_after(has_watchdog);
        }
    }

    // About once a second.
    void look_after(bool has_watchdog) {
        const bool is_alive = service_->is_alive();
        if (was_alive_ && !is_alive) log::write(kHangs);
        was_alive_ = is_alive;
        if (has_watchdog && is_alive) sd_notify(0, "WATCHDOG=1");
        const auto now = std::chrono::steady_clock::now();
        if (now < next_renewal_) return;
        next_renewal_ = now + kRenewalInterval;
        const auto renewed = service_->renew();
        if (renewed.ok() && *renewed) log::write(kRenewed);
        if (!renewed.ok()) log::write(kRenewalRefused, renewed.error().text);
    }

    // Takes the new configuration over only when all of it is right.
    void reload() {
        sd_notify(0, "RELOADING=1");
        const Status status = try_reload();
        if (status.ok())
            log::write(kReloaded);
        else
            log::write(kReloadRefused, status.error().text);
        sd_notify(0, "READY=1");
    }

    Status try_reload() {
        LB_TRY_ASSIGN(config::Config fresh,
                      config::Config::load(program_.options, line_.config_file, line_.overrides));
        for (const std::string& name : config_.fixed_differences(fresh))
            log::write(kNeedsRestart, name);
        LB_TRY(service_->reload(fresh));
        const std::lock_guard lock(config_mutex_);
        config_ = std::move(fresh);
        return {};
    }

    std::string answer(std::string_view verb, std::string_view argument) {
        if (verb == "status") return service_->status_json();
        if (verb == "version")
            return json_line(json{{"program", program_.name}, {"version", LB_VERSION}});
        if (verb == "metrics")
            return json_line(json{{"text", metrics::Registry::global().exposition()}});
        if (verb == "config") return json_line(json{{"toml", config_text()}});
        if (verb == "loglevel") return set_log_level(argument);
        const auto result = service_->control(verb, argument);
        return result.ok() ? *result : error_json(result.error());
    }

    std::string config_text() {
        const std::lock_guard lock(config_mutex_);
        return config_.print();
    }

    static std::string set_log_level(std::string_view name) {
        const auto level = log::level_of(name);
        if (!level)
            return error_json({ErrorCode::kReject, "levels are error, warning, info, debug"});
        log::set_level(*level);
        return json_line(json{{"loglevel", name}});
    }

    const Program& program_;
    const CommandLine& line_;
    std::mutex
        config_mutex_;  // of what is below: reloads change it, the control socket asks for it
    config::Config config_;
    std::unique_ptr<Service> service_;
    std::unique_ptr<ControlSocket> control_;
    bool was_alive_ = true;
    std::chrono::steady_clock::time_point next_renewal_ =
        std::chrono::steady_clock::now() + kRenewalInterval;
};

int check(const Program& program, const config::Config& config, const Directories& directories) {
    const Status checked = program.check ? program.check(config, directories) : Status();
    if (!checked.ok()) return complain(program, checked.error(), ExitCode::kConfig);
    return print("the configuration is right\n");
}

int load_and_run(const Program& program, const CommandLine& line) {
    auto config = config::Config::load(program.options, line.config_file, line.overrides);
    if (!config.ok()) return complain(program, config.error(), ExitCode::kConfig);
    if (line.act == Act::kCheckConfig) return check(program, *config, line.directories);
    if (line.act == Act::kPrintConfig) return print(config->print());
    return Runner(program, line, std::move(*config)).run();
}

int run_parsed(const Program& program, const CommandLine& line) {
    switch (line.act) {
        case Act::kHelp:
            return print(help_text(program));
        case Act::kVersion:
            return print(fmt::format("{} {}\n", program.name, LB_VERSION));
        case Act::kListMessages:
            return print(list_messages(program));
        case Act::kPrint: {
            const auto text = program.print(line.print_name, line.print_value);
            return text.ok() ? print(*text) : complain(program, text.error(), ExitCode::kUsage);
        }
        case Act::kCheckConfig:
        case Act::kPrintConfig:
        case Act::kRun:
            return load_and_run(program, line);
    }
    return static_cast<int>(ExitCode::kUsage);
}

}  // namespace

Error unknown_verb(std::string_view daemon, std::string_view verb, std::string_view own) {
    return {ErrorCode::kReject,
            fmt::format("{} has no verb \"{}\"; it has status, version, metrics, config, loglevel "
                        "LEVEL{}{}",
                        daemon, verb, own.empty() ? "" : ", ", own)};
}

int run_program(const Program& program, int argc, char** argv) {
    log::set_program(program.name);
    const auto line = parse_command_line(program, {argv + 1, argv + argc});
    if (!line.ok()) return complain(program, line.error(), ExitCode::kUsage);
    try {
        return run_parsed(program, *line);
    } catch (const std::exception& exception) {
        return complain(program, {ErrorCode::kBug, exception.what()}, ExitCode::kBug);
    }
}

}  // namespace lb::app
