#include "bkserver/cli/job_machines.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "bkserver/cli/table.h"
#include "common/base/host_name.h"
#include "common/event/time_text.h"

namespace lb::cli {

namespace {

constexpr std::string_view kMachine = "virtual_machine";

struct Period {
    std::int64_t from_us = INT64_MIN;
    std::int64_t to_us = INT64_MAX;

    [[nodiscard]] bool meets(const Period& other) const {
        return from_us < other.to_us && other.from_us < to_us;
    }
};

std::optional<std::int64_t> time_in(const Json& object, const std::string& member) {
    const auto time = event::time_from_text(text_of(object, member));
    return time.ok() ? std::optional(*time) : std::nullopt;
}

Period period_of(const Json& object) {
    Period period;
    period.from_us = time_in(object, "from").value_or(period.from_us);
    period.to_us = time_in(object, "to").value_or(period.to_us);
    return period;
}

// From when it entered Running until it entered an end that it is still in.
std::optional<Period> run_of(const Json& job) {
    const auto times = job.find("stateEnterTimes");
    if (times == job.end()) return std::nullopt;
    const auto began = time_in(*times, "Running");
    if (!began) return std::nullopt;
    Period run{*began};
    for (const char* end : {"Done", "Aborted", "Cancelled"})
        if (const auto ended = time_in(*times, end); ended && *ended > *began)
            run.to_us = std::min(run.to_us, *ended);
    return run;
}

// When the machine had a host name: one that came with an address while it had that, its own while
// it was on a host, if that is known.
std::vector<Period> periods_of_name(const Json& machine, const std::string& name) {
    std::vector<Period> periods;
    if (machine.contains("addresses"))
        for (const auto& [address, entry] : machine["addresses"].items())
            if (is_same_host(text_of(entry, "hostname"), name)) periods.push_back(period_of(entry));
    if (!is_same_host(text_of(machine, "vm_hostname"), name)) return periods;
    if (!machine.contains("placements")) periods.emplace_back();
    if (machine.contains("placements"))
        for (const Json& placement : machine["placements"]) periods.push_back(period_of(placement));
    return periods;
}

void add_once(std::vector<std::string>& names, const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
}

}  // namespace

std::vector<std::string> members_of_guess() {
    std::vector<std::string> members = {"jobId",      "jobtype",   "stateEnterTimes",
                                        "placements", "addresses", "vm_hostname"};
    members.insert(members.end(), std::begin(kNodeMembers), std::end(kNodeMembers));
    return members;
}

std::vector<std::string> host_names_of(const Json& machine) {
    std::vector<std::string> names;
    if (text_of(machine, "jobtype") != kMachine) return names;
    add_once(names, text_of(machine, "vm_hostname"));
    if (machine.contains("addresses"))
        for (const auto& [address, entry] : machine["addresses"].items())
            add_once(names, text_of(entry, "hostname"));
    return names;
}

std::vector<std::string> nodes_of(const Json& job) {
    std::vector<std::string> nodes;
    if (!run_of(job)) return nodes;
    for (const std::string_view member : kNodeMembers) add_once(nodes, text_of(job, member));
    return nodes;
}

bool has_run_on(const Json& job, const Json& machine) {
    const auto run = run_of(job);
    if (!run || text_of(machine, "jobtype") != kMachine) return false;
    for (const std::string& node : nodes_of(job))
        for (const Period& period : periods_of_name(machine, node))
            if (period.meets(*run)) return true;
    return false;
}

}  // namespace lb::cli
