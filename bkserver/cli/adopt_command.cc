#include "bkserver/cli/adopt_command.h"

#include <ostream>
#include <sstream>
#include <vector>

#include "bkserver/cli/child_output.h"
#include "bkserver/cli/row_printer.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "logd/client/producer.h"

namespace lb::cli {

namespace {

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
    RowPrinter printer(context, {{"DOMAIN", "key"}, {"FOUND", "found"}, {"EVENT", "event"}}, "key");
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
        printer.add({{"key", key}, {"found", word}, {"event", outcome}});
    }
    printer.finish();
    return {};
}

}  // namespace

void add_adopt_command(CLI::App& lbctl, Context& context) {
    auto options = std::make_shared<AdoptOptions>();
    CLI::App* const command = add_command(
        lbctl, context, "adopt",
        "Log the libvirt domains that run on this host now, through its logger",
        [&context, options] { return adopt(context, *options); }, Prints::kRows);
    command->add_option("--connect,-c", options->uri, "libvirt's URI")->capture_default_str();
    command->add_flag("--dry-run", options->is_dry_run, "say what would be logged");
    command->footer(
        "The logger is found as lb-logevent finds it: LB_SOCKET, LB_DROP_DIR.\n"
        "Example: lbctl adopt --connect qemu:///system --dry-run");
}

}  // namespace lb::cli
