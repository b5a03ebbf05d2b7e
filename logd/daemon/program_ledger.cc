#include "logd/daemon/program_ledger.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/event/time_text.h"

namespace lb::logd {

namespace {

constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= ProgramLedger::kNameBytesMax &&
           text.find_first_not_of(kNameCharacters) == std::string_view::npos;
}

}  // namespace

void ProgramLedger::add(std::string_view program, std::int64_t now_us) {
    if (!is_name(program)) return;
    const std::lock_guard lock(mutex_);
    auto entry = entries_.find(program);
    if (entry == entries_.end()) {
        if (entries_.size() == kProgramsMax)
            entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                            [](const auto& one, const auto& other) {
                                                return one.second.last_us < other.second.last_us;
                                            }));
        entry = entries_.emplace(program, Entry{}).first;
    }
    ++entry->second.events;
    entry->second.last_us = now_us;
}

nlohmann::json ProgramLedger::to_json() const {
    nlohmann::json programs = nlohmann::json::object();
    const std::lock_guard lock(mutex_);
    for (const auto& [name, entry] : entries_)
        programs[name] = {{"events", entry.events}, {"last", event::time_to_text(entry.last_us)}};
    return programs;
}

}  // namespace lb::logd
