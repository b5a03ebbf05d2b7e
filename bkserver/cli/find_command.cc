#include "bkserver/cli/find_command.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <vector>

#include "bkserver/cli/asking.h"
#include "bkserver/cli/host_condition.h"
#include "bkserver/cli/row_printer.h"
#include "common/base/host_name.h"
#include "common/base/quoted.h"
#include "common/env/env.h"
#include "common/event/moment.h"

namespace lb::cli {

namespace {

// Whose past is asked for at once: an answer comes when all of them have been replayed.
constexpr std::size_t kPastsAtOnce = 100;

struct Sought {
    std::string what;
    std::string value;
    std::string at;
};

std::string condition_of(const Sought& sought) {
    const std::string value = lb::quoted(sought.value);
    if (sought.what == "name")
        return "name=" + value + " or " + names_host("vm_hostname", sought.value) + " or " +
               names_host("address", sought.value);
    if (sought.what == "host")
        return names_host("host", sought.value) + " or " + names_host("placements", sought.value);
    return "address in (" + value + ", " + lb::quoted(lower_case(sought.value)) + ", " +
           lb::quoted(upper_case(sought.value)) + ")";
}

bool has_address(const std::string& address, const Json& entry, const Sought& sought) {
    if (sought.what == "name") return is_same_host(text_of(entry, "hostname"), sought.value);
    return equal_ignoring_case(address, sought.value) ||
           equal_ignoring_case(text_of(entry, "mac"), sought.value);
}

// Its own names, of which no times are kept.
bool has_name(const Json& status, const Sought& sought) {
    return sought.what == "name" && (text_of(status, "vm_name") == sought.value ||
                                     is_same_host(text_of(status, "vm_hostname"), sought.value));
}

// The periods that the status knows in which the process had what is sought.
std::vector<Json> periods_of(const Json& status, const Sought& sought) {
    std::vector<Json> periods;
    if (sought.what == "host" && status.contains("placements"))
        for (const Json& placement : status["placements"])
            if (is_same_host(text_of(placement, "host"), sought.value))
                periods.push_back(placement);
    if (sought.what != "host" && status.contains("addresses"))
        for (const auto& [address, entry] : status["addresses"].items())
            if (has_address(address, entry, sought)) {
                periods.push_back(entry);
                periods.back()["address"] = address;
            }
    return periods;
}

// Prints each process with each of the periods.
class Findings {
  public:
    explicit Findings(Context& context)
        : printer_(context, {{"PROCESS", "jobId"},
                             {"STATE", "state", state_words},
                             {"NAME", "vm_name"},
                             {"FROM", "from"},
                             {"TO", "to"}}) {}

    // A period without bounds: none are kept of what was sought.
    void add(const Json& status, const Json& period) {
        Json found = Json::object();
        for (const char* member : {"jobId", "jobtype", "state", "vm_state", "vm_name"})
            if (status.contains(member)) found[member] = status[member];
        for (const char* end : {"from", "to"})
            if (period.contains(end)) found[end] = period[end];
        printer_.add(found);
        ++count_;
    }

    // How many were printed.
    std::size_t finish() {
        printer_.finish();
        return count_;
    }

  private:
    RowPrinter printer_;
    std::size_t count_ = 0;
};

void add_ever(const Json& now, const Sought& sought, Findings& findings) {
    std::vector<Json> periods = periods_of(now, sought);
    if (periods.empty() || has_name(now, sought)) periods = {Json::object()};
    for (const Json& period : periods) findings.add(now, period);
}

// A period that had not ended at that time, with the end that is known by now.
Json with_its_end(const Json& period, const Json& now, const Sought& sought) {
    for (const Json& known : periods_of(now, sought))
        if (text_of(known, "from") == text_of(period, "from") &&
            text_of(known, "address") == text_of(period, "address"))
            return known;
    return period;
}

// By the statuses of the process at that time and now. What is done has its name and its addresses
// no more.
void add_then(const Json& then, const Json& now, const Sought& sought, Findings& findings) {
    if (text_of(then, "state") == "Done") return;
    if (has_name(then, sought)) return findings.add(then, Json::object());
    for (const Json& period : periods_of(then, sought))
        if (!period.contains("to")) findings.add(then, with_its_end(period, now, sought));
}

// What the processes were at that time, a number of them after the other.
Status find_then(Context& context, Asker& server, const Sought& sought,
                 const std::vector<Json>& had_it, std::int64_t at_us, Findings& findings) {
    for (std::size_t first = 0; first < had_it.size(); first += kPastsAtOnce) {
        const std::size_t end = std::min(had_it.size(), first + kPastsAtOnce);
        StatusQuestion question;
        question.at_us = at_us;
        for (std::size_t i = first; i < end; ++i)
            question.processes.push_back(text_of(had_it[i], "jobId"));
        std::size_t next = first;
        const auto cannot_say = [&](std::string_view code, const std::string& why) {
            if (code == to_string(ErrorCode::kNotFound)) return;  // it was not there yet
            context.err << "lbctl: " << why << '\n';
            context.exit_code = kNotFound;
        };
        const Status asked = server.status(question, [&](const Json& then) {
            const Json& now = had_it[next++];
            if (!then.contains("error")) return add_then(then, now, sought, findings);
            cannot_say(text_of(then, "error"),
                       text_of(now, "jobId") + ": " + text_of(then, "text"));
        });
        if (asked.ok()) continue;
        // A question about a single process has its error as its answer.
        const ErrorCode code = asked.error().code;
        if (code != ErrorCode::kNotFound && code != ErrorCode::kFull && code != ErrorCode::kDenied)
            return asked;
        cannot_say(to_string(code), asked.error().text);
    }
    return {};
}

Status find(Context& context, const Sought& sought) {
    std::int64_t at_us = 0;
    if (!sought.at.empty()) {
        LB_TRY_ASSIGN(at_us, event::moment_from_text(sought.at, env::posix_env().now_us()));
    }
    const QueryQuestion question = {
        .condition = condition_of(sought),
        .fields = {"jobId", "jobtype", "state", "vm_state", "vm_name", "addresses", "placements"}};
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    Findings findings(context);
    std::vector<Json> had_it;
    LB_TRY(server.query(question, 0, [&](const Json& row) {
        if (sought.at.empty()) return add_ever(row, sought, findings);
        had_it.push_back(row);
    }));
    LB_TRY(find_then(context, server, sought, had_it, at_us, findings));
    if (findings.finish() > 0) return {};
    return Error{ErrorCode::kNotFound, "no process had the " + sought.what + " " + sought.value +
                                           (sought.at.empty() ? "" : " then")};
}

}  // namespace

void add_find_command(CLI::App& lbctl, Context& context) {
    auto sought = std::make_shared<Sought>();
    CLI::App* const command = add_command(
        lbctl, context, "find", "Who has or had an address, a name, a host",
        [&context, sought] { return find(context, *sought); }, Prints::kRows);
    command->add_option("WHAT", sought->what, "ip, mac, name or host")
        ->required()
        ->check(CLI::IsMember({"ip", "mac", "name", "host"}));
    command
        ->add_option("VALUE", sought->value,
                     "an address, a machine's name, a short or full host name")
        ->required();
    command->add_option("--at", sought->at,
                        "who had it then: 2026-11-25T12:00:00Z, -2h; default: ever");
    command->footer(
        "With --at each process is shown as it was then; those that were done or had failed are "
        "left\n"
        "out. "
        "Names are looked for among those that machines have now.\n\n"
        "Example: lbctl find ip 192.0.2.7 --at 2026-11-25T12:00:00Z");
}

}  // namespace lb::cli
