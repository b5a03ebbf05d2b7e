#include "bkserver/cli/replay_command.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "bkserver/cli/replay.h"
#include "common/base/json_line.h"
#include "common/event/field_text.h"
#include "common/event/table.h"
#include "common/event/time_text.h"

namespace lb::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kFooter = R"(Examples:
  lbctl replay history.ulm                   one readable line an event
  lbctl replay --json events.jsonl           one JSON line an event: event, process, verdict, status
  lbctl replay --json --final case.json      one JSON line a process, at the end
  lbctl history --ulm ID | lbctl replay -    what the events of a process make of it

Forms: ULM lines, JSON lines, or one JSON document with a list "events"; told apart by themselves.
A JSON event: {"type": "VMRunning", "process": "https://...", "time": "2026-11-23T08:00:00Z",
  "source": "VMManager", "host": "node1.example.org", "fields": {}}. Fields may stand beside the rest; time may
  be seconds since 1970, or "t": seconds since 2012-01-01T00:00:00Z; jobid, subject and key mean process.
Verdicts: applied, noted (says nothing for this type), duplicate, unregistered (waits for the registration),
  unknown (a newer server may understand it), malformed.
Exit code: 0, 1 when an event was malformed (the others were folded), 2 when the input could not be read.)";

Result<std::string> read_all(const std::string& file) {
    if (file == "-")
        return std::string(std::istreambuf_iterator<char>(std::cin),
                           std::istreambuf_iterator<char>());
    std::ifstream in(file, std::ios::binary);
    if (!in) return system_error("opening", file, errno);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

std::string state_words(const state::ProcessStatus& status) {
    std::string words(state::to_string(status.state));
    if (!status.vm_state.empty()) words += " (" + status.vm_state + ")";
    if (!status.done_code.empty()) words += " " + status.done_code;
    return words;
}

std::string padded(std::string_view text, std::size_t width) {
    std::string out(text);
    if (out.size() < width) out.append(width - out.size(), ' ');
    return out;
}

class Printer {
  public:
    Printer(const ReplayOptions& options, const Replay& replay, std::ostream& out)
        : options_(options), replay_(replay), out_(out) {}

    void step(std::size_t number, const ReplayEvent& event, const ReplayStep& step) {
        if (options_.is_final) return;
        if (options_.is_json)
            step_as_json(number, step);
        else
            step_for_people(number, event, step);
    }

    void finish() {
        for (const std::string& process : replay_.processes()) {
            if (!options_.is_final) break;
            const state::ProcessStatus status = replay_.status(process);
            if (options_.is_json)
                print({{"process", process}, {"status", status.attributes}});
            else
                out_ << padded(state_words(status), 28) << "  " << process << '\n'
                     << status.attributes.dump(2, ' ', false,
                                               ordered_json::error_handler_t::replace)
                     << '\n';
        }
    }

  private:
    void step_as_json(std::size_t number, const ReplayStep& step) {
        ordered_json line{{"event", number}};
        line["process"] = step.process.empty() ? ordered_json() : ordered_json(step.process);
        line["verdict"] = step.verdict;
        if (!step.reason.empty()) line["reason"] = step.reason;
        line["status"] =
            step.process.empty() ? ordered_json() : replay_.status(step.process).attributes;
        print(line);
    }

    void step_for_people(std::size_t number, const ReplayEvent& event, const ReplayStep& step) {
        out_ << padded(std::to_string(number), 4);
        if (step.process.empty()) {
            out_ << "  " << step.verdict << '\n';
            return;
        }
        const event::TypeInfo* type = event::find_type(event.event.type);
        const std::string source = event::text_of(event.event.source);
        out_ << "  " << event::time_to_text(event.event.time_us) << "  "
             << padded(type == nullptr ? "?" : type->name, 22) << padded(source, 16)
             << padded(event.event.host, 24) << padded(step.verdict, 13)
             << padded(state_words(replay_.status(step.process)), 28) << step.process << '\n';
    }

    void print(const ordered_json& line) { out_ << json_line(line) << '\n'; }

    const ReplayOptions& options_;
    const Replay& replay_;
    std::ostream& out_;
};

std::string place_of(const ReplayOptions& options, const ReplayInput& input,
                     const ReplayEvent& event) {
    const char* unit = input.form == ReplayForm::kDocument ? ", event " : ":";
    return (options.file == "-" ? "standard input" : options.file) + unit +
           std::to_string(event.line);
}

}  // namespace

int replay(const ReplayOptions& options, std::ostream& out, std::ostream& err) {
    const auto text = read_all(options.file);
    if (!text.ok()) {
        err << "lbctl replay: " << text.error().text << '\n';
        return kReplayUnreadable;
    }
    const auto input = read_replay(*text, options.form);
    if (!input.ok()) {
        err << "lbctl replay: " << options.file << ": " << input.error().text << '\n';
        return kReplayUnreadable;
    }
    Replay fold;
    Printer printer(options, fold, out);
    int exit_code = 0;
    for (std::size_t i = 0; i < input->events.size(); ++i) {
        const ReplayStep step = fold.add(input->events[i]);
        printer.step(i, input->events[i], step);
        if (step.verdict != "malformed") continue;
        err << "lbctl replay: " << place_of(options, *input, input->events[i]) << ": "
            << step.reason << '\n';
        exit_code = kReplayMalformed;
    }
    printer.finish();
    return exit_code;
}

void add_replay_command(CLI::App& lbctl, int& exit_code) {
    CLI::App* command =
        lbctl.add_subcommand("replay", "Fold events from a file without a server, show the states");
    auto options = std::make_shared<ReplayOptions>();
    auto is_ulm = std::make_shared<bool>(false);
    auto is_json_lines = std::make_shared<bool>(false);
    command->add_option("FILE", options->file, "events; - reads standard input")->required();
    auto* ulm = command->add_flag("--ulm", *is_ulm, "the input is ULM lines");
    command->add_flag("--json-lines", *is_json_lines, "the input is JSON lines")->excludes(ulm);
    command->add_flag("--json", options->is_json, "print JSON lines");
    command->add_flag("--final", options->is_final, "print one status a process, at the end");
    command->footer(kFooter);
    command->callback([options, is_ulm, is_json_lines, &exit_code] {
        if (*is_ulm) options->form = ReplayForm::kUlm;
        if (*is_json_lines) options->form = ReplayForm::kJsonLines;
        exit_code = replay(*options, std::cout, std::cerr);
    });
}

}  // namespace lb::cli
