#include "bkserver/query/status_extras.h"

#include <fmt/format.h>

#include <algorithm>

#include "bkserver/query/classad.h"
#include "bkserver/query/service.h"
#include "common/base/json_line.h"

namespace lb::query {

namespace {

constexpr std::string_view kClassAd = "jdl_classad";
constexpr std::string_view kChildrenStates = "children_states";
constexpr std::string_view kHistory = "history";

bool asks_for(const lb::v1::StatusRequest& ask, std::string_view extra) {
    return std::find(ask.with().begin(), ask.with().end(), extra) != ask.with().end();
}

// From what the asker sees of the description. One that is no ClassAd stays text.
void add_classad(Row& row) {
    const auto jdl = row.find("jdl");
    if (jdl == row.end() || !jdl->is_string()) return;
    auto ad = parse_classad(jdl->get_ref<const std::string&>());
    if (ad.ok()) row[std::string(kClassAd)] = std::move(*ad);
}

}  // namespace

Status check_extras(const lb::v1::StatusRequest& ask) {
    const bool is_past = ask.at_us() != 0 || ask.known_at_us() != 0;
    for (const std::string& extra : ask.with()) {
        if (extra == kClassAd) continue;
        if (extra != kChildrenStates && extra != kHistory)
            return Error{ErrorCode::kReject,
                         fmt::format("a status has no '{}' to be asked for; there are {}, {}, {}",
                                     extra, kClassAd, kChildrenStates, kHistory)};
        if (is_past)
            return Error{ErrorCode::kReject,
                         fmt::format("'{}' is told of now only; ask for the past status of each "
                                     "process by itself",
                                     extra)};
        if (ask.processes_size() > kExtrasProcessesMax)
            return Error{ErrorCode::kFull,
                         fmt::format("'{}' of {} processes in one question, more than {}", extra,
                                     ask.processes_size(), kExtrasProcessesMax)};
    }
    return {};
}

Status Service::add_extras(const Asker& asker, const lb::v1::StatusRequest& ask, Row& row) {
    if (asks_for(ask, kClassAd)) add_classad(row);
    if (asks_for(ask, kChildrenStates)) LB_TRY(add_children_states(asker, row));
    if (asks_for(ask, kHistory)) LB_TRY(add_history(asker, row));
    return {};
}

Status Service::add_children_states(const Asker& asker, Row& row) {
    const auto children = row.find("children");
    if (children == row.end()) return {};
    Row states = Row::array();
    std::size_t bytes = 0;
    for (const Row& child : *children) {
        const std::string& name = child.get_ref<const std::string&>();
        auto state = status_of(asker, name);
        if (!state.ok())
            state = Row{{"process", name},
                        {"error", to_string(state.error().code)},
                        {"text", state.error().text}};
        bytes += json_line(*state).size();
        if (bytes > kChildrenStatesBytesMax) {
            row["truncated"].push_back(kChildrenStates);
            break;
        }
        states.push_back(std::move(*state));
    }
    row[std::string(kChildrenStates)] = std::move(states);
    return {};
}

Status Service::add_history(const Asker& asker, Row& row) {
    LB_TRY_ASSIGN(const auto readable,
                  wholly_readable_process(asker, row["jobId"].get_ref<const std::string&>()));
    Row events = Row::array();
    LB_TRY_ASSIGN(
        const std::string cursor,
        memory_.timelines.write(reader_, readable.sighted.process, {{}, kHistoryEventsDefault},
                                [&](const Row& event) { events.push_back(event); }));
    if (!cursor.empty()) row["truncated"].push_back(kHistory);
    row[std::string(kHistory)] = std::move(events);
    return {};
}

}  // namespace lb::query
