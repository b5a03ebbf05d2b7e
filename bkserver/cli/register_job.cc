#include "bkserver/cli/register_job.h"

#include <fstream>
#include <iterator>
#include <ostream>
#include <vector>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/direct_log.h"
#include "common/base/limits.h"
#include "common/event/process_id.h"
#include "common/event/seqcode.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

namespace {

// Seed of the children of whoever names none: the original's.
constexpr char kDefaultSeed[] = "edg_wll_GenerateSubjobIds()";
constexpr std::uint32_t kChildrenMax = 1'000'000;
constexpr char kTransferPrefix[] = "FT:";

struct Kind {
    const char* command;
    const char* jobtype;  // of RegJob
    const char* help;
    event::Source source;  // who registers such processes
    const char* prefix;    // of the unique part of new ids
    bool has_children;
    bool has_codes;  // its events carry a sequence code from step to step
};

// clang-format off
constexpr Kind kKinds[] = {
    {"job",        "SIMPLE",     "A grid job; prints its id", event::Source::kUserInterface, "", false, true},
    {"dag",        "DAG",        "A DAG with its children",   event::Source::kUserInterface, "", true,  true},
    {"collection", "COLLECTION", "A collection with its children", event::Source::kUserInterface, "", true, true},
    {"pbs",        "PBS",        "A job of PBS (Torque); --id https://SERVER/123.pbs keeps its own number",
                                                              event::Source::kPbsClient,     "", false, true},
    {"condor",     "CONDOR",     "A job of Condor",           event::Source::kUserInterface, "", false, false},
    {"cream",      "CREAM",      "A job of a CREAM computing element; --ns is its endpoint",
                                                              event::Source::kUserInterface, "", false, true},
    {"transfer",   "FILE_TRANSFER", "A file transfer",        event::Source::kUserInterface, kTransferPrefix, false, true},
    {"transfer-collection", "FILE_TRANSFER_COLLECTION", "Transfers of a sandbox, with its children",
                                                              event::Source::kUserInterface, kTransferPrefix, true, true},
};
// clang-format on

struct JobOptions {
    std::string id;
    std::string jdl;
    std::string ns;
    std::string parent;
    std::uint32_t children = 0;
    std::string seed;
    std::string source, target;       // of a transfer
    std::string input_of, output_of;  // the job whose sandbox it moves
    bool is_shell = false;
    bool is_exclusive = false;
};

// "@FILE" is that file's text.
Result<std::string> text_or_file(const std::string& text) {
    if (!text.starts_with('@')) return text;
    std::ifstream file(text.substr(1), std::ios::binary);
    if (!file) return Error{ErrorCode::kNotFound, "cannot read " + text.substr(1)};
    std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (content.size() > limits::kFieldBytesMax)
        return Error{ErrorCode::kFull, text.substr(1) + " is longer than a field may be (" +
                                           std::to_string(limits::kFieldBytesMax) + " bytes)"};
    return content;
}

Result<event::ProcessId> id_of(const Kind& kind, const JobOptions& options,
                               const std::string& service) {
    if (!options.id.empty()) return event::ProcessId::parse(options.id);
    LB_TRY_ASSIGN(event::ProcessId id, event::ProcessId::generate(service));
    id.unique = kind.prefix + id.unique;
    return id;
}

struct Registered {
    event::ProcessId id;
    std::vector<std::string> children;
    std::string sequence_code;  // as the next event or component is to have it
};

void print(Context& context, const JobOptions& options, const Registered& registered) {
    const std::string id = registered.id.to_string();
    if (context.settings.is_json) {
        Json row = {{"process", id}};
        if (!registered.children.empty()) row["children"] = registered.children;
        if (!registered.sequence_code.empty()) row["sequence_code"] = registered.sequence_code;
        return context.print_json(row);
    }
    if (!options.is_shell) {
        context.out << id << '\n';
        return;
    }
    context.out << "EDG_JOBID=\"" << id << "\"\n";
    if (!registered.sequence_code.empty())
        context.out << "EDG_WL_SEQUENCE=\"" << registered.sequence_code << "\"\n";
    for (std::size_t i = 0; i < registered.children.size(); ++i)
        context.out << "EDG_WL_SUB_JOBID[" << i << "]=\"" << registered.children[i] << "\"\n";
}

// What the transfer moves: said at the transfer, and for whom at both it and the job.
Status log_sandbox(net::Client& client, const std::string& transfer, const JobOptions& options,
                   Speaker& speaker) {
    const auto log = [&](event::EventType type, const std::vector<DirectField>& fields) {
        speaker.sequence_code = event::next_code(speaker.sequence_code, speaker.source);
        return log_direct(client, transfer, type, fields, speaker);
    };
    if (!options.source.empty())
        LB_TRY(log(event::EventType::kFileTransferRegister,
                   {{"src", options.source}, {"dest", options.target}}));
    const bool is_input = !options.input_of.empty();
    const std::string& job = is_input ? options.input_of : options.output_of;
    if (job.empty()) return {};
    const DirectField type{"sandbox_type", is_input ? "INPUT" : "OUTPUT"};
    LB_TRY(log_direct(client, job, event::EventType::kSandbox, {type, {"transfer_job", transfer}},
                      {.source = speaker.source}));
    return log(event::EventType::kSandbox, {type, {"compute_job", job}});
}

Status register_job(Context& context, const Kind& kind, const JobOptions& options) {
    LB_TRY_ASSIGN(const std::string jdl, text_or_file(options.jdl));
    for (const std::string& named : {options.parent, options.input_of, options.output_of})
        if (!named.empty()) LB_TRY(event::ProcessId::parse(named));
    LB_TRY_ASSIGN(const auto client, connect(context));
    const std::string& service = client->hello().service();
    Registered registered;
    LB_TRY_ASSIGN(registered.id, id_of(kind, options, service));
    const std::string seed = options.seed.empty() ? kDefaultSeed : options.seed;
    std::vector<DirectField> fields = {{"jobtype", kind.jobtype},
                                       {"ns", options.ns.empty() ? service : options.ns},
                                       {"jdl", jdl},
                                       {"parent", options.parent}};
    if (options.children > 0) {
        fields.push_back({"nsubjobs", std::to_string(options.children)});
        fields.push_back({"seed", seed});
        for (std::uint32_t i = 0; i < options.children; ++i)
            registered.children.push_back(registered.id.child(seed, i).to_string());
    }
    Speaker speaker{.source = kind.source, .is_exclusive = options.is_exclusive};
    if (kind.has_codes) speaker.sequence_code = event::next_code({}, kind.source);
    LB_TRY(
        log_direct(*client, registered.id.to_string(), event::EventType::kRegJob, fields, speaker));
    speaker.is_exclusive = false;
    LB_TRY(log_sandbox(*client, registered.id.to_string(), options, speaker));
    if (kind.has_codes)
        registered.sequence_code = event::next_code(speaker.sequence_code, kind.source);
    print(context, options, registered);
    return {};
}

// Of `options`, which outlive the command.
void add_sandbox_options(CLI::App& command, const Kind& kind, JobOptions& options) {
    if (!kind.has_children) {
        CLI::Option* const source =
            command.add_option("--from", options.source, "URL from which it is copied");
        CLI::Option* const target =
            command.add_option("--to", options.target, "URL to which it is copied");
        source->needs(target);
        target->needs(source);
    }
    command.add_option("--input-of", options.input_of, "the job whose input sandbox it is")
        ->excludes(command.add_option("--output-of", options.output_of,
                                      "the job whose output sandbox it is"));
}

}  // namespace

void add_register_job_commands(CLI::App& parent, Context& context) {
    for (const Kind& kind : kKinds) {
        auto options = std::make_shared<JobOptions>();
        CLI::App* const command = add_command(
            parent, context, kind.command, kind.help,
            [&context, &kind, options] { return register_job(context, kind, *options); });
        command->add_option("--id", options->id, "process id; default a new one");
        command->add_option("--jdl", options->jdl, "job description; @FILE: that file's text");
        command->add_option("--ns", options->ns,
                            "endpoint that will handle the job; default this server");
        command->add_option("--parent", options->parent, "process id of its parent");
        if (kind.has_children) {
            command
                ->add_option("--children", options->children,
                             "so many children, whose ids follow from id, seed and number")
                ->check(CLI::Range(0U, kChildrenMax));
            command->add_option("--seed", options->seed, "of the children's ids")
                ->default_str(kDefaultSeed);
        }
        if (std::string_view(kind.prefix) == kTransferPrefix)
            add_sandbox_options(*command, kind, *options);
        command->add_flag("--exclusive", options->is_exclusive,
                          "fail if the process is registered already");
        command->add_flag("--shell", options->is_shell,
                          "print assignments for eval: EDG_JOBID, EDG_WL_SEQUENCE, "
                          "EDG_WL_SUB_JOBID[n]");
        command->footer("Example: eval \"$(lbctl register " + std::string(kind.command) +
                        " --shell" + (kind.has_children ? " --children 3" : "") + ")\"");
    }
}

}  // namespace lb::cli
