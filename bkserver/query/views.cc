#include "bkserver/query/views.h"

#include <algorithm>
#include <array>

#include "common/base/ascii.h"
#include "common/base/encoding.h"
#include "common/event/digest.h"

namespace lb::query {

namespace {

using authz::View;

// The original's reduced status, and what a machine has instead of a destination.
constexpr std::array<std::string_view, 10> kReduced = {
    "jobId",          "state",   "jobtype",        "vm_state",       "destination",
    "network_server", "ui_host", "stateEnterTime", "lastUpdateTime", "stateEnterTimes"};
// Who: shown as pseudonyms.
constexpr std::array<std::string_view, 6> kPersons = {
    "owner", "payload_owner", "vm_owner", "cream_owner", "pbs_owner", "condor_owner"};
// Where names of people may stand in free text.
constexpr std::array<std::string_view, 12> kTelling = {
    "user_fqans", "user_tags", "jdl", "matched_jdl",     "condor_jdl",    "cream_jdl",
    "rsl",        "reason",    "acl", "failure_reasons", "disagreements", "access_rights"};
// Of a job description the original showed these to monitoring.
constexpr std::array<std::string_view, 3> kJdlAttributes = {"VirtualOrganisation", "JobType",
                                                            "Type"};

template <typename List>
bool contains(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

std::string pseudonym_of(const std::string& who, std::string_view salt) {
    constexpr std::size_t kShownBytes = 16;
    return "anonymous:" + to_hex(event::sha256(std::string(salt) + who)).substr(0, 2 * kShownBytes);
}

// "JobType = ...;" of a ClassAd; empty when it has none.
std::string jdl_attribute(std::string_view jdl, std::string_view name) {
    const std::string lower = lower_case(jdl);
    const std::string wanted = lower_case(name);
    for (std::size_t at = lower.find(wanted); at != std::string::npos;
         at = lower.find(wanted, at + 1)) {
        const bool begins =
            at == 0 || std::string_view(" \t\r\n[;").find(lower[at - 1]) != std::string_view::npos;
        const std::size_t equal = lower.find_first_not_of(" \t", at + wanted.size());
        if (!begins || equal == std::string::npos || lower[equal] != '=') continue;
        const std::size_t end = lower.find_first_of(";]\n", equal);
        return std::string(name) + " = " +
               std::string(jdl.substr(equal + 1, end == std::string::npos ? end : end - equal - 1));
    }
    return {};
}

void reduce(Row& row) {
    Row reduced = Row::object();
    for (const auto& [name, value] : row.items())
        if (contains(kReduced, name)) reduced[name] = value;
    std::string jdl;
    if (row.contains("jdl") && row["jdl"].is_string())
        for (const std::string_view name : kJdlAttributes)
            if (const std::string line =
                    jdl_attribute(row["jdl"].get_ref<const std::string&>(), name);
                !line.empty())
                jdl += line + "; ";
    if (!jdl.empty()) reduced["jdl"] = "[ " + jdl + "]";
    row = std::move(reduced);
}

void anonymize(Row& row, std::string_view salt) {
    for (const std::string_view name : kTelling) row.erase(std::string(name));
    for (const std::string_view name : kPersons) {
        const auto found = row.find(name);
        if (found != row.end() && found->is_string())
            *found = pseudonym_of(found->get<std::string>(), salt);
    }
}

}  // namespace

void restrict_row(Row& row, View view, std::string_view salt) {
    switch (view) {
        case View::kFull:
            return;
        case View::kAnonymized:
            return anonymize(row, salt);
        case View::kReduced:
            return reduce(row);
        case View::kNone:
            row = Row::object();
    }
}

bool may_filter_by(std::string_view member, View view) {
    switch (view) {
        case View::kFull:
            return true;
        case View::kAnonymized:
            return !contains(kPersons, member) && !contains(kTelling, member);
        case View::kReduced:
            return contains(kReduced, member);
        case View::kNone:
            break;
    }
    return false;
}

}  // namespace lb::query
