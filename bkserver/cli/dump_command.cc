#include "bkserver/cli/dump_command.h"

#include <filesystem>
#include <fstream>
#include <ostream>
#include <vector>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/progress.h"
#include "common/event/time_text.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

namespace {

namespace fs = std::filesystem;

constexpr char kFooter[] =
    "Without PROCESS all events, in the order in which they arrived (for administrators); with it "
    "the\n"
    "events of those processes. A dump is loaded by lbctl load, here or elsewhere; loading it "
    "where\n"
    "it comes from changes nothing, elsewhere it gives the same states. The original's tools read "
    "it "
    "too.\n\n"
    "Examples:\n"
    "  lbctl dump --ulm --output all.ulm\n"
    "  lbctl dump --ulm --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z > november.ulm\n"
    "  lbctl dump --ulm https://lb.example.org:9000/Zm9vYmFy";

struct DumpOptions {
    std::vector<std::string> processes;
    std::string from;
    std::string to;
    std::string output;
    bool is_ulm = false;
};

struct Dumped {
    std::uint64_t events = 0;
    std::uint64_t unwritten = 0;  // ULM cannot say them
};

Result<lb::v1::DumpRequest> request_of(const DumpOptions& options) {
    lb::v1::DumpRequest request;
    if (!options.from.empty()) {
        LB_TRY_ASSIGN(const auto from_us, event::time_from_text(options.from));
        request.set_from_us(from_us);
    }
    if (!options.to.empty()) {
        LB_TRY_ASSIGN(const auto to_us, event::time_from_text(options.to));
        request.set_to_us(to_us);
    }
    return request;
}

// All pages of one request.
Status dump_pages(net::Client& client, lb::v1::Request request, std::ostream& out, Dumped& dumped,
                  Progress& progress) {
    do {
        std::string cursor;
        LB_TRY(client.ask(request, [&](const lb::v1::Reply& reply) {
            for (const std::string& line : reply.lines()) {
                out << line << '\n';
                ++(line.starts_with('#') ? dumped.unwritten : dumped.events);
            }
            cursor = reply.cursor();
            return true;
        }));
        request.mutable_dump()->set_cursor(cursor);
        progress.tick();
        if (!out.flush()) return Error{ErrorCode::kFull, "writing the dump failed: disk full?"};
    } while (!request.dump().cursor().empty());
    return {};
}

Status dump_to(Context& context, const DumpOptions& options, std::ostream& out, Dumped& dumped) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    lb::v1::Request request;
    LB_TRY_ASSIGN(*request.mutable_dump(), request_of(options));
    Progress progress(context.err, [&] { return count_text(dumped.events) + " events written"; });
    if (options.processes.empty()) return dump_pages(*client, request, out, dumped, progress);
    for (const std::string& process : options.processes) {
        request.mutable_dump()->set_process(process);
        request.mutable_dump()->clear_cursor();
        LB_TRY(dump_pages(*client, request, out, dumped, progress));
    }
    return {};
}

// Where the dump grows until it is whole: a file beside the one that was asked for, unless that is
// a device, a pipe or a link.
std::string growing_name(const std::string& output) {
    const fs::file_type type = fs::symlink_status(output).type();
    const bool is_plain = type == fs::file_type::not_found || type == fs::file_type::regular;
    return is_plain ? output + ".part" : output;
}

// What breaks off leaves nothing under the name, and what stood there before stays.
Status dump_to_file(Context& context, const DumpOptions& options, Dumped& dumped) {
    const std::string growing = growing_name(options.output);
    std::ofstream file(growing, std::ios::binary | std::ios::trunc);
    if (!file) {
        context.exit_code = kCannotCreate;
        context.err << "lbctl: cannot write " << growing << '\n';
        return {};
    }
    Status done = dump_to(context, options, file, dumped);
    file.close();
    if (done.ok() && !file) done = Error{ErrorCode::kFull, "writing the dump failed: disk full?"};
    std::error_code problem;
    if (growing != options.output) {
        if (done.ok())
            fs::rename(growing, options.output, problem);
        else
            fs::remove(growing, problem);
    }
    LB_TRY(done);
    if (problem) return system_error("renaming", growing, problem.value());
    context.out << count_text(dumped.events) << " events in " << options.output << '\n';
    return {};
}

Status dump(Context& context, const DumpOptions& options) {
    Dumped dumped;
    if (options.output.empty())
        LB_TRY(dump_to(context, options, context.out, dumped));
    else
        LB_TRY(dump_to_file(context, options, dumped));
    if (dumped.unwritten == 0) return {};
    context.err << "lbctl: " << count_text(dumped.unwritten)
                << " events could not be written; lines that begin with '#' say why\n";
    context.exit_code = kNotFound;
    return {};
}

}  // namespace

void add_dump_command(CLI::App& lbctl, Context& context) {
    auto options = std::make_shared<DumpOptions>();
    CLI::App* const command =
        add_command(lbctl, context, "dump", "Stored events as text, one a line",
                    [&context, options] { return dump(context, *options); });
    command->add_option("PROCESS", options->processes,
                        "id, its unique part, or a key; default all");
    command->add_flag("--ulm", options->is_ulm,
                      "as lines of the original (ULM): the default, there is no other form");
    command->add_option("--from", options->from, "arrived at the server then or later, RFC 3339");
    command->add_option("--to", options->to, "arrived before, RFC 3339");
    command->add_option("--output,-o", options->output, "file to write; default standard output");
    command->footer(kFooter);
}

}  // namespace lb::cli
