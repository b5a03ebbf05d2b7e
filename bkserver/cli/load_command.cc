#include "bkserver/cli/load_command.h"

#include <filesystem>
#include <fstream>
#include <iostream>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/line_reader.h"
#include "bkserver/cli/progress.h"
#include "bkserver/cli/uploader.h"
#include "common/event/codec.h"
#include "common/event/envelope.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "common/event/ulm.h"
#include "lb/v1/envelope.pb.h"
#include "lb/v1/wire.pb.h"

namespace lb::cli {

namespace {

// More than an event may have: longer lines are no events.
constexpr std::size_t kLineBytesMax = 4 * 1024 * 1024;
// Complaints that are shown one by one; the file of what was set aside has them all.
constexpr std::uint64_t kComplaintsMax = 20;

constexpr char kFooter[] =
    "Reads one event a line, as the original's dump and purge files and lbctl dump have them. An "
    "event's id\n"
    "is derived from what its line says: what was loaded before changes nothing, so a load that "
    "broke off is\n"
    "begun again. Lines that are wrong or refused go to the file --set-aside, each below its "
    "reason, and can be\n"
    "corrected and loaded from there. For administrators of the server.\n\n"
    "Exit codes: 0 all lines are in, 1 some were set aside, others as lbctl --help says.\n\n"
    "Examples:\n"
    "  lbctl load purge_2012.dump\n"
    "  zcat archive/*.gz | lbctl load --set-aside bad.ulm -";

struct LoadOptions {
    std::string file;
    std::string set_aside;
    bool shows_warnings = false;
};

struct Counts {
    std::uint64_t loaded = 0;
    std::uint64_t known = 0;      // stored before
    std::uint64_t waiting = 0;    // of the loaded: of processes that are not registered
    std::uint64_t set_aside = 0;  // wrong or refused
    std::uint64_t warned = 0;     // read although something was odd

    [[nodiscard]] std::uint64_t settled() const { return loaded + known + set_aside; }
};

std::string hint_of(ErrorCode code) {
    return code == ErrorCode::kRetry || code == ErrorCode::kTimeout
               ? "; begin again: what is loaded already changes nothing"
               : "";
}

class Loader {
  public:
    Loader(Context& context, const LoadOptions& options, net::Client& client, std::istream& in)
        : context_(context),
          options_(options),
          service_(client.hello().service()),
          reader_(in, kLineBytesMax),
          peer_(client),
          uploader_(peer_, {client.hello().credit_events(), client.hello().credit_bytes()},
                    [this](Upload upload, lb::v1::Verdict verdict, const std::string& reason) {
                        on_settled(std::move(upload), verdict, reason);
                    }) {}

    Status run(std::uint64_t file_bytes);
    [[nodiscard]] const Counts& counts() const { return counts_; }

  private:
    Status take(std::string line);
    Result<std::string> envelope_of(const std::string& line);
    void on_settled(Upload upload, lb::v1::Verdict verdict, const std::string& reason);
    void set_aside(std::uint64_t number, const std::string& why, const std::string& line);
    [[nodiscard]] std::string place(std::uint64_t number) const {
        return (options_.file == "-" ? "standard input" : options_.file) + ":" +
               std::to_string(number);
    }

    Context& context_;
    const LoadOptions& options_;
    const std::string service_;
    LineReader reader_;
    ClientPeer peer_;
    Uploader uploader_;
    Counts counts_;
    std::ofstream aside_;
};

Status Loader::run(std::uint64_t file_bytes) {
    Progress progress(context_.err, [&] {
        std::string words = count_text(counts_.settled()) + " events";
        if (file_bytes != 0)
            words += ", " + std::to_string(100 * reader_.bytes() / file_bytes) + " %";
        return words + ", " +
               count_text(static_cast<std::uint64_t>(static_cast<double>(counts_.settled()) /
                                                     progress.seconds())) +
               " a second, " + count_text(counts_.set_aside) + " set aside";
    });
    for (std::string line; reader_.next(line); progress.tick()) LB_TRY(take(std::move(line)));
    return uploader_.finish();
}

Status Loader::take(std::string line) {
    if (line.ends_with('\r')) line.pop_back();
    if (reader_.is_too_long()) {
        set_aside(reader_.number(), "the line is longer than 4 MiB; it is not copied", "");
        return {};
    }
    if (line.find_first_not_of(" \t") == std::string::npos || line.front() == '#') return {};
    auto envelope = envelope_of(line);
    if (envelope.ok())
        return uploader_.add({*std::move(envelope), reader_.number(), std::move(line)});
    set_aside(reader_.number(), envelope.error().text, line);
    return {};
}

Result<std::string> Loader::envelope_of(const std::string& line) {
    LB_TRY_ASSIGN(event::UlmEvent read, event::parse_ulm(line));
    LB_TRY_ASSIGN(event::Subject subject, event::parse_subject(read.subject));
    if (auto* id = std::get_if<event::ProcessId>(&subject); id != nullptr) {
        id->info.clear();
        if (id->service() != service_)
            return Error{ErrorCode::kReject, "the process belongs to " + id->service() +
                                                 ", this server keeps those of " + service_};
    }
    if (!read.warnings.empty()) ++counts_.warned;
    if (options_.shows_warnings)
        for (const std::string& warning : read.warnings)
            context_.err << place(reader_.number()) << ": " << warning << '\n';
    lb::v1::Envelope envelope;
    envelope.set_schema(event::kEventSchema);
    envelope.set_subject(event::to_string(subject));
    envelope.set_event(event::encode(read.event));
    envelope.set_event_id(read.event_id.empty()
                              ? event::event_id_of_import(envelope.subject(), envelope.event())
                              : read.event_id);
    lb::v1::Acceptance& acceptance = *envelope.mutable_acceptance();
    acceptance.mutable_identity()->set_kind(lb::v1::IDENTITY_KIND_IMPORT);
    acceptance.mutable_identity()->set_name(read.identity.empty() ? read.event.user
                                                                  : read.identity);
    acceptance.mutable_identity()->mutable_groups()->Assign(read.groups.begin(), read.groups.end());
    acceptance.set_origin(read.stamp.origin);
    acceptance.set_counter(read.stamp.counter);
    acceptance.set_accepted_at_us(read.stamp.accepted_us);
    if (read.arrived_us) acceptance.set_stated_arrival_us(*read.arrived_us);
    std::string bytes = envelope.SerializeAsString();
    LB_TRY(event::parse_envelope(bytes, event::EnvelopeFrom::kDaemon));
    return bytes;
}

void Loader::on_settled(Upload upload, lb::v1::Verdict verdict, const std::string& reason) {
    switch (verdict) {
        case lb::v1::VERDICT_UNREGISTERED:
            ++counts_.waiting;
            [[fallthrough]];
        case lb::v1::VERDICT_ACCEPTED:
        case lb::v1::VERDICT_UNKNOWN_TYPE:
            ++counts_.loaded;
            return;
        case lb::v1::VERDICT_DUPLICATE:
            ++counts_.known;
            return;
        case lb::v1::VERDICT_DENIED:
        case lb::v1::VERDICT_MALFORMED:
        case lb::v1::VERDICT_CONFLICT:
        case lb::v1::VERDICT_RETRY:
        case lb::v1::VERDICT_UNSPECIFIED:
        case lb::v1::Verdict_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::Verdict_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    set_aside(upload.line, "refused: " + reason, upload.text);
}

void Loader::set_aside(std::uint64_t number, const std::string& why, const std::string& line) {
    if (counts_.set_aside++ == 0) aside_.open(options_.set_aside, std::ios::binary);
    aside_ << "# " << place(number) << ": " << why << '\n';
    if (!line.empty()) aside_ << line << '\n';
    if (!aside_.flush() && counts_.set_aside == 1)
        context_.err << "lbctl: cannot write " << options_.set_aside << '\n';
    if (counts_.set_aside <= kComplaintsMax) context_.err << place(number) << ": " << why << '\n';
    if (counts_.set_aside == kComplaintsMax + 1)
        context_.err << "lbctl: further complaints only in " << options_.set_aside << '\n';
}

void report(Context& context, const LoadOptions& options, const Counts& counts) {
    if (context.settings.is_json) {
        Json row = {{"loaded", counts.loaded},
                    {"known", counts.known},
                    {"waiting", counts.waiting},
                    {"warned", counts.warned},
                    {"set_aside", counts.set_aside}};
        if (counts.set_aside != 0) row["file"] = options.set_aside;
        return context.print_json(row);
    }
    context.out << count_text(counts.loaded) << " events loaded, " << count_text(counts.known)
                << " known already, " << count_text(counts.set_aside) << " set aside";
    if (counts.set_aside != 0) context.out << " in " << options.set_aside;
    context.out << '\n';
    if (counts.waiting != 0)
        context.out << count_text(counts.waiting) << " of them wait for a registration\n";
    if (counts.warned != 0 && !options.shows_warnings)
        context.out << count_text(counts.warned) << " lines had oddities; --warnings shows them\n";
}

Status load(Context& context, LoadOptions options) {
    std::ifstream file;
    std::uint64_t file_bytes = 0;
    const bool is_standard_input = options.file == "-";
    if (!is_standard_input) {
        file.open(options.file, std::ios::binary);
        std::error_code problem;
        if (std::filesystem::is_regular_file(options.file, problem))
            file_bytes = std::filesystem::file_size(options.file, problem);
        if (!file || std::filesystem::is_directory(options.file, problem))
            return Error{ErrorCode::kNotFound, "cannot read " + options.file};
    }
    if (options.set_aside.empty())
        options.set_aside = is_standard_input ? "load.set-aside" : options.file + ".set-aside";
    LB_TRY_ASSIGN(const auto client, connect(context));
    Loader loader(context, options, *client, is_standard_input ? std::cin : file);
    const Status status = loader.run(file_bytes);
    report(context, options, loader.counts());
    if (!status.ok())
        return Error{status.error().code, status.error().text + hint_of(status.error().code)};
    if (loader.counts().set_aside != 0) context.exit_code = kNotFound;
    return {};
}

}  // namespace

void add_load_command(CLI::App& lbctl, Context& context) {
    auto options = std::make_shared<LoadOptions>();
    CLI::App* const command = add_command(lbctl, context, "load", "Take events from a file",
                                          [&context, options] { return load(context, *options); });
    command->add_option("FILE", options->file, "lines of ULM; - is standard input")->required();
    command->add_option("--set-aside", options->set_aside,
                        "file for lines that are wrong or refused; default FILE.set-aside");
    command->add_flag("--warnings", options->shows_warnings, "show what was odd but could be read");
    command->footer(kFooter);
}

}  // namespace lb::cli
