#include "bkserver/query/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "bkserver/query/views.h"
#include "bkserver/state/engine.h"
#include "common/event/table.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

using store::Column;

constexpr std::int64_t kHourUs = 3'600'000'000;

constexpr Group kProcessGroups[] = {
    {"state", Column::kState, "state"},
    {"vm_state", Column::kVmState, "vm_state"},
    {"host", Column::kHost, "vm_phy_hostname"},
    {"owner", Column::kOwner, "owner"},
    {"type", Column::kType, "jobtype"},
    {"cloud", Column::kCloud, ""},
    {"hour", Column::kEntered, ""},
};
constexpr Group kEventGroups[] = {
    {"type", Column::kEventType, ""},
    {"hour", Column::kEventTime, ""},
    {"process.state", Column::kState, "state"},
    {"process.vm_state", Column::kVmState, "vm_state"},
    {"process.host", Column::kHost, "vm_phy_hostname"},
    {"process.owner", Column::kOwner, "owner"},
    {"process.type", Column::kType, "jobtype"},
};

Result<const Group*> read_group(std::span<const Group> groups, std::string_view word,
                                std::string_view refusal) {
    const Group* none = nullptr;
    if (word.empty()) return none;
    for (const Group& group : groups)
        if (group.word == word) return &group;
    return Error{ErrorCode::kReject, fmt::format(fmt::runtime(refusal), word)};
}

bool is_hour(Column column) {
    return column == Column::kEntered || column == Column::kEventTime;
}

// When its hour began; the store counts hours the same way.
store::Count hour_of(std::int64_t time_us) {
    return {{}, time_us / kHourUs * kHourUs, 0};
}

std::string listed_text(const Row& row, const Group& group) {
    const auto member = row.find(group.listed);
    return member == row.end() ? std::string() : member->get<std::string>();
}

}  // namespace

Result<const Group*> read_process_group(std::string_view word) {
    return read_group(kProcessGroups, word,
                      "processes are not counted by '{}'; there are state, vm_state, host, owner, "
                      "type, cloud and hour (of entering the state)");
}

Result<const Group*> read_event_group(std::string_view word) {
    return read_group(kEventGroups, word,
                      "events are not counted by '{}'; there are type, hour, process.state, "
                      "process.vm_state, process.host, process.owner and process.type");
}

std::string group_text(const Group& group, const store::Count& count) {
    if (group.column == Column::kType)
        return std::string(state::process_type_word(static_cast<std::uint32_t>(count.number)));
    if (group.column == Column::kEventType) {
        const auto* const type = event::find_type(static_cast<std::uint16_t>(count.number));
        return type == nullptr ? std::to_string(count.number) : std::string(type->name);
    }
    if (is_hour(group.column))
        return count.number == 0 ? std::string() : event::time_to_text(count.number);
    return count.text;
}

Result<std::string> group_text(const Group& group, const Sighting& seen, std::string_view salt) {
    if (is_hour(group.column)) return group_text(group, hour_of(seen.process.entered_us));
    if (group.column == Column::kCloud) {
        // It is a name, which only a full view has.
        if (seen.view != authz::View::kFull) return std::string();
        return seen.candidate.cloud();
    }
    Row row = list_row(seen.process);
    restrict_row(row, seen.view, salt);
    return listed_text(row, group);
}

std::string group_text(const Group& group, const store::FoundEvent& found,
                       const store::Process& process) {
    if (group.column == Column::kEventType) return group_text(group, {{}, found.event.type, 0});
    if (is_hour(group.column)) return group_text(group, hour_of(found.time_us));
    return listed_text(list_row(process), group);
}

Tally::Tally(const Group* group) : group_(group) {
    if (group == nullptr) counts_[""] = 0;
}

void Tally::write(bool is_truncated, const std::function<void(const Row&)>& on_row) const {
    std::vector<std::pair<std::string, std::uint64_t>> sorted(counts_.begin(), counts_.end());
    if (group_ == nullptr || !is_hour(group_->column))
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [value, count] : sorted) {
        Row row = Row::object();
        if (group_ != nullptr) row[std::string(group_->word)] = value;
        row["count"] = count;
        if (is_truncated) row["truncated"] = true;
        on_row(row);
    }
}

}  // namespace lb::query
