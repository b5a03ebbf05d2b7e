#include "bkserver/cli/adopt_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <sstream>
#include <vector>

#include "bkserver/cli/table.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "logd/client/producer.h"

namespace lb::cli {

namespace {

constexpr int kVirshTimeoutMs = 30'000;
constexpr std::size_t kOutputBytesMax = 4 * 1024 * 1024;

// Standard output of a program; kRetry with its exit status when it fails.
Result<std::string> output_of(const std::vector<std::string>& command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("making", "a pipe", errno);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> arguments;
    for (const std::string& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int problem =
        ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (problem != 0) {
        ::close(ends[0]);
        return system_error("running", command[0], problem);
    }
    std::string output;
    char buffer[4096];
    pollfd waited{ends[0], POLLIN, 0};
    bool is_whole = false;
    while (!is_whole && output.size() < kOutputBytesMax &&
           ::poll(&waited, 1, kVirshTimeoutMs) > 0) {
        const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
        is_whole = count <= 0;
        if (count > 0) output.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(ends[0]);
    if (!is_whole) ::kill(pid, SIGTERM);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
    return Error{ErrorCode::kRetry, command[0] + " failed; its own message stands above"};
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

struct AdoptOptions {
    std::string uri = "qemu:///system";
    bool is_dry_run = false;
};

struct Found {
    std::string uuid;
    event::EventType type;
};

Result<std::vector<Found>> running_domains(const std::string& uri) {
    std::vector<Found> found;
    const struct {
        const char* flag;
        event::EventType type;
    } states[] = {{"--state-running", event::EventType::kVMRunning},
                  {"--state-paused", event::EventType::kVMSuspend}};
    for (const auto& state : states) {
        LB_TRY_ASSIGN(const std::string output,
                      output_of({"virsh", "-c", uri, "list", "--uuid", state.flag}));
        for (std::string& uuid : words_of(output)) found.push_back({std::move(uuid), state.type});
    }
    return found;
}

Status adopt(Context& context, const AdoptOptions& options) {
    LB_TRY_ASSIGN(const auto domains, running_domains(options.uri));
    client::Producer producer(client::options_from_environment());
    Table table({"DOMAIN", "FOUND", "EVENT"});
    for (const Found& domain : domains) {
        const std::string key = "libvirt-uuid:/" + domain.uuid;
        event::Event event;
        event.type = static_cast<std::uint16_t>(domain.type);
        event.source = event::Source::kVmManager;
        event.is_resync = true;
        client::complete(event);
        event.set_text("hostname", event.host);
        std::string outcome = "not logged (--dry-run)";
        if (!options.is_dry_run) {
            LB_TRY_ASSIGN(const auto logged, producer.log(key, event, false));
            outcome = event::event_id_to_text(logged.event_id);
        }
        const std::string word = domain.type == event::EventType::kVMRunning ? "running" : "paused";
        if (context.settings.is_json)
            context.print_json({{"key", key}, {"found", word}, {"event", outcome}});
        table.add({key, word, outcome});
    }
    if (!context.settings.is_json) table.print(context.out);
    return {};
}

}  // namespace

void add_adopt_command(CLI::App& lbctl, Context& context) {
    auto options = std::make_shared<AdoptOptions>();
    CLI::App* const command =
        add_command(lbctl, context, "adopt",
                    "Log the libvirt domains that run on this host now, through its logger",
                    [&context, options] { return adopt(context, *options); });
    command->add_option("--connect,-c", options->uri, "libvirt's URI")->capture_default_str();
    command->add_flag("--dry-run", options->is_dry_run, "say what would be logged");
    command->footer("The logger is found as lb-logevent finds it: LB_SOCKET, LB_DROP_DIR.");
}

}  // namespace lb::cli
