#include "bkserver/cli/doctor_command.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <ostream>

#include "bkserver/cli/diagnosis.h"
#include "bkserver/cli/hook_checks.h"
#include "bkserver/cli/table.h"
#include "common/app/control.h"
#include "common/env/env.h"
#include "common/spool/inspect.h"

namespace lb::cli {

namespace {

namespace fs = std::filesystem;

constexpr int kControlTimeoutMs = 5000;

struct Places {
    std::string runtime = "/run/lb";
    std::string server_runtime = "/run/lb-bkserver";
    std::string agents_runtime = "/run";
    std::string spool = "/var/spool/lb/spool";
    std::string drop = "/var/spool/lb/drop";
    std::string configuration = "/etc/lb";
    std::string root;
    std::string part;  // "host", "server", or empty: what is here
};

std::int64_t now_us() {
    return env::posix_env().now_us();
}

bool exists(const std::string& path) {
    std::error_code error;
    return fs::exists(path, error);
}

// The status of a daemon, or an empty object after a finding that says why there is none.
Json status_of(const std::string& daemon, const std::string& runtime, Findings& findings) {
    const std::string path = runtime + "/" + daemon + ".control";
    const auto answer = app::ask_control(path, "status", kControlTimeoutMs);
    Json status = answer.ok() ? Json::parse(*answer, nullptr, false) : Json();
    if (status.is_object()) {
        findings.push_back({Grade::kOk, daemon, "up, version " + text_of(status, "version"), {}});
        return status;
    }
    const bool may_not = ::access(runtime.c_str(), R_OK | X_OK) == 0 && exists(path) &&
                         ::access(path.c_str(), W_OK) != 0;
    const std::string why = answer.ok() ? "its answer is no JSON" : answer.error().text;
    findings.push_back({may_not ? Grade::kSkipped : Grade::kProblem, daemon,
                        may_not ? "only root may ask it" : "does not answer: " + why,
                        may_not ? "run lbctl doctor as root"
                                : "systemctl status " + daemon + "; systemctl start " + daemon});
    return Json::object();
}

// ---- a host

void check_spool(const Places& places, Findings& findings) {
    const auto lanes = spool::summarize(env::posix_env(), places.spool);
    if (!lanes.ok()) {
        findings.push_back(
            {Grade::kSkipped, "spool", lanes.error().text, "run as root, or give --spool-dir"});
        return;
    }
    std::uint64_t waiting = 0;
    std::int64_t oldest_us = 0;
    for (const spool::LaneSummary& lane : *lanes) {
        waiting += lane.tail.events;
        if (lane.tail.oldest_us != 0 && (oldest_us == 0 || lane.tail.oldest_us < oldest_us))
            oldest_us = lane.tail.oldest_us;
    }
    findings.push_back(judge_age("spool", waiting, oldest_us, now_us()));
    const auto spans = spool::list_quarantine(env::posix_env(), places.spool);
    if (!spans.ok()) return;
    findings.push_back(judge_quarantine(*spans));
}

void check_drop(const Places& places, Findings& findings) {
    const auto names = env::posix_env().list_directory(places.drop);
    if (!names.ok()) return;  // write-only for most: lb-logd counts what it takes from there
    Finding finding{Grade::kOk, "drop directory", "empty", {}};
    if (!names->empty())
        finding = {Grade::kWarning, "drop directory",
                   std::to_string(names->size()) + " files wait for lb-logd",
                   "it takes them within seconds; if they stay, its log says why"};
    findings.push_back(finding);
}

void check_agents(const Places& places, Findings& findings) {
    struct Agent {
        const char* name;
        const char* peer;
        const char* remedy;
    };
    for (const auto& [agent, peer, remedy] :
         {Agent{"lb-agent-libvirt", "libvirt", "its log says why; systemctl status libvirtd"},
          Agent{"lb-agent-guest", "guests", ""},
          Agent{"lb-agent-opennebula", "OpenNebula",
                "its log says why; systemctl status opennebula, and HM_MAD in oned.conf"}}) {
        const std::string runtime = places.agents_runtime + "/" + agent;
        if (!exists(runtime)) {
            findings.push_back({Grade::kSkipped, agent, "does not run here", {}});
            continue;
        }
        const Json status = status_of(agent, runtime, findings);
        if (status.value("connected", true)) continue;
        findings.push_back(
            {Grade::kProblem, std::string(agent) + " and " + peer, "not connected", remedy});
    }
}

std::optional<Json> programs_of(const Json& logger) {
    const auto programs = logger.find("programs");
    return programs == logger.end() ? std::nullopt : std::optional<Json>(*programs);
}

void check_host(const Places& places, Findings& findings) {
    const Json logger = status_of("lb-logd", places.runtime, findings);
    const Json forwarder = status_of("lb-interlogd", places.runtime, findings);
    if (!forwarder.empty()) {
        findings.push_back(judge_certificate("lb-interlogd", forwarder, now_us()));
        for (const Json& destination : forwarder.value("destinations", Json::array())) {
            findings.push_back(judge_destination(destination, now_us()));
            findings.push_back(judge_clock(text_of(destination, "destination"), destination));
        }
    }
    check_spool(places, findings);
    check_drop(places, findings);
    check_hooks({.root = places.root,
                 .agents_runtime = places.agents_runtime,
                 .programs = programs_of(logger),
                 .now_us = now_us()},
                findings);
    check_agents(places, findings);
    if (logger.empty()) return;
    if (logger.contains("remote")) {
        const Json& door = logger["remote"];
        findings.push_back(judge_certificate("lb-logd", door, now_us()));
        findings.push_back(judge_remote_door(door));
    }
    findings.push_back(judge_refusals(logger));
    findings.push_back(judge_events(logger));
}

// ---- a server

void check_server(const Places& places, Findings& findings) {
    const Json server = status_of("lb-bkserver", places.server_runtime, findings);
    if (server.empty()) return;
    if (!server.value("ready", false))
        findings.push_back({Grade::kProblem, "database", "lb-bkserver is not ready",
                            "its log says why; journalctl -u lb-bkserver"});
    else
        findings.push_back({Grade::kOk, "database", "ready", {}});
    findings.push_back(judge_certificate("lb-bkserver", server, now_us()));
    const Json forwarders = server.value("forwarders", Json::array());
    if (forwarders.empty())
        findings.push_back({Grade::kWarning, "hosts", "none is connected",
                            "on a host: lbctl doctor says whether it can reach this server"});
    for (const Json& forwarder : forwarders) {
        findings.push_back(judge_forwarder(forwarder, now_us()));
        findings.push_back(judge_clock(text_of(forwarder, "host"), forwarder));
    }
    if (server.contains("events_last_hour")) findings.push_back(judge_events(server));
}

// ---- the command

void print(Context& context, const Findings& findings) {
    for (const Finding& finding : findings) {
        if (context.settings.is_json) {
            Json row = {{"check", finding.check},
                        {"result", to_string(finding.grade)},
                        {"found", finding.text}};
            if (!finding.remedy.empty()) row["do"] = finding.remedy;
            context.print_json(row);
            continue;
        }
        std::string grade(to_string(finding.grade));
        grade.resize(9, ' ');
        context.out << grade << printable(finding.check) << ": " << printable(finding.text) << '\n';
        if (!finding.remedy.empty()) context.out << "         -> " << finding.remedy << '\n';
    }
}

Status examine(Context& context, const Places& places) {
    const bool has_host =
        exists(places.runtime + "/lb-logd.control") || exists(places.configuration + "/logd.toml");
    const bool has_server = exists(places.server_runtime + "/lb-bkserver.control") ||
                            exists(places.configuration + "/bkserver.toml");
    Findings findings;
    if (places.part == "host" || (places.part.empty() && has_host)) check_host(places, findings);
    if (places.part == "server" || (places.part.empty() && has_server))
        check_server(places, findings);
    if (findings.empty())
        return Error{ErrorCode::kNotFound,
                     "neither a logger nor a bookkeeping server is here: no " +
                         places.configuration + "/logd.toml or bkserver.toml, and nothing in " +
                         places.runtime + " or " + places.server_runtime};
    print(context, findings);
    const bool is_ill = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.grade == Grade::kProblem;
    });
    if (is_ill) context.exit_code = kNotFound;
    return {};
}

}  // namespace

void add_doctor_command(CLI::App& lbctl, Context& context) {
    auto places = std::make_shared<Places>();
    CLI::App* const command =
        add_command(lbctl, context, "doctor",
                    "Whether logging from this host, and the server on it, work; and what to do",
                    [&context, places] { return examine(context, *places); });
    command->add_option("PART", places->part, "host or server; default: what is here")
        ->check(CLI::IsMember({"host", "server"}));
    command->add_option("--runtime-dir", places->runtime, "sockets of the host's daemons")
        ->envname("LB_RUNTIME_DIR")
        ->capture_default_str();
    command->add_option("--server-runtime-dir", places->server_runtime, "sockets of the server")
        ->envname("LB_SERVER_RUNTIME_DIR")
        ->capture_default_str();
    command->add_option("--agents-dir", places->agents_runtime, "where agents have their folders")
        ->capture_default_str();
    command->add_option("--spool-dir", places->spool, "directory of the spool")
        ->envname("LB_SPOOL_DIR")
        ->capture_default_str();
    command->add_option("--drop-dir", places->drop, "drop directory")
        ->envname("LB_DROP_DIR")
        ->capture_default_str();
    command->add_option("--config-dir", places->configuration, "configuration of the daemons")
        ->capture_default_str();
    command->add_option(
        "--root", places->root,
        "where the system lies whose hooks are looked at, and libvirt's run; default: /");
    command->footer(
        "Exit: 0 no problem (there may be warnings), 1 a problem. As root it sees everything.\n"
        "Example: lbctl doctor; lbctl --json doctor host");
}

}  // namespace lb::cli
