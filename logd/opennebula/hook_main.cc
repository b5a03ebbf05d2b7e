// lb-hook-opennebula: a command for OpenNebula's hooks on machines and hosts. Logs through the
// logger of the front end; never asks OpenNebula or the network anything.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "common/base/error.h"
#include "logd/client/producer.h"
#include "logd/opennebula/hook_call.h"
#include "logd/opennebula/reports.h"

namespace {

// After sysexits.h.
enum ExitCode { kDone = 0, kRefused = 65, kLost = 75 };

constexpr std::size_t kCallBytesMax = 4 * 1024 * 1024;
constexpr unsigned kWholeTimeoutSeconds = 10;

constexpr char kHelp[] =
    R"(usage: lb-hook-opennebula [$ID $PREV_STATE $PREV_LCM_STATE] $TEMPLATE [SCOPE]
Logs what a change of a virtual machine or a host in OpenNebula means, as source CloudManager.
Without arguments they are read from standard input (ARGUMENTS_STDIN=yes).

  $TEMPLATE   base64 of the XML that OpenNebula passes
  SCOPE       tells several clouds apart: the key of machine 42 is one-vmid:SCOPE/42

`lbctl setup opennebula` prints the hooks for each version and registers them.
The logger must let the user of OpenNebula log as CloudManager; in /etc/lb/logd.toml:
  sources = ["uid:0: *", "user:oneadmin: CloudManager", "*: Undefined UserInterface Application LRMS"]

Environment: LB_SOCKET, LB_DROP_DIR, LB_TIMEOUT_MS as for lb-logevent.
Exit codes: 0 logged (or left in the drop directory), 65 not understood or refused, 75 lost.
)";

int complain(const std::string& text, int exit_code) {
    std::fprintf(stderr, "lb-hook-opennebula: %s\n", text.c_str());
    return exit_code;
}

lb::Result<std::string> read_input() {
    std::string text;
    std::array<char, 64 * 1024> buffer{};
    for (;;) {
        const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got < 0) return lb::system_error("reading", "standard input", errno);
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > kCallBytesMax)
            return lb::Error{lb::ErrorCode::kReject, "more than 4 MiB on standard input"};
    }
}

lb::Result<std::vector<std::string>> words_of_call(int argc, char** argv) {
    if (argc > 1) return std::vector<std::string>(argv + 1, argv + argc);
    LB_TRY_ASSIGN(const std::string line, read_input());
    return lb::opennebula::words_of(line);
}

// Logs them all, whatever becomes of one; the worst exit code.
int log_all(const std::vector<lb::opennebula::Report>& reports) {
    lb::client::ProducerOptions options = lb::client::options_from_environment();
    options.program = "lb-hook-opennebula";
    lb::client::Producer producer(options);
    int exit_code = kDone;
    for (const lb::opennebula::Report& report : reports) {
        const auto logged = producer.log(report.subject, report.event, false, report.event_id);
        if (logged.ok() && logged->outcome == lb::client::Outcome::kDropped)
            complain("waits in the drop directory: " + logged->text, kDone);
        if (logged.ok()) continue;
        const bool is_refused = logged.error().code == lb::ErrorCode::kReject ||
                                logged.error().code == lb::ErrorCode::kDenied;
        const int code =
            complain(report.subject + ": " + logged.error().text, is_refused ? kRefused : kLost);
        exit_code = std::max(exit_code, code);
    }
    return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    lb::event::Event now;
    lb::client::complete(now);  // the moment of the call, before anything else takes time
    alarm(kWholeTimeoutSeconds);
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (first == "--help" || first == "-h") return std::fputs(kHelp, stdout), kDone;
    if (first == "--version") return std::puts("lb-hook-opennebula " LB_VERSION), kDone;
    const auto words = words_of_call(argc, argv);
    if (!words.ok()) return complain(words.error().text, kRefused);
    const auto call = lb::opennebula::parse_call(*words);
    if (!call.ok()) return complain(call.error().text, kRefused);
    const lb::opennebula::Sight sight{call->scope, now.host, now.time_us, false};
    std::vector<lb::opennebula::Report> reports;
    for (const auto& vm : call->documents.vms)
        for (auto& report : lb::opennebula::reports_of(vm, sight))
            reports.push_back(std::move(report));
    for (const auto& host : call->documents.hosts)
        for (auto& report : lb::opennebula::reports_of(host, sight))
            reports.push_back(std::move(report));
    return log_all(reports);
}
