#include "bkserver/query/finder.h"

#include <fmt/format.h>

namespace lb::query {

// What is remembered of it counts only at the revision that the store has.
Result<FoundProcess> Finder::find(std::string_view name) {
    if (!ahead_.empty())
        if (auto ahead = ahead_.extract(std::string(name))) return std::move(ahead.mapped());
    if (auto known = known_.find(name)) {
        LB_TRY_ASSIGN(auto look, reader_.look_at(known->process));
        if (look && look->revision == known->process.revision) {
            store::SightedProcess sighted{known->process, std::move(look->heartbeats)};
            return FoundProcess{std::move(sighted), std::move(known)};
        }
    }
    LB_TRY_ASSIGN(auto found, reader_.find_sighted_process(name));
    if (!found)
        return Error{ErrorCode::kNotFound, fmt::format("there is no process {} here", name)};
    return FoundProcess{std::move(*found), nullptr};
}

void Finder::read_ahead(std::span<const std::string> names) {
    ahead_.clear();
    Ahead ahead;
    if (read(names, ahead).ok()) ahead_ = std::move(ahead);
}

Status Finder::read(std::span<const std::string> names, Ahead& ahead) {
    LB_TRY_ASSIGN(const std::vector<std::string> unknown, recall(names, ahead));
    LB_TRY_ASSIGN(auto found, reader_.find_processes(unknown));
    for (std::size_t i = 0; i < unknown.size(); ++i)
        if (found[i]) ahead[unknown[i]].sighted.process = std::move(*found[i]);
    return add_heartbeats(ahead);
}

// Takes those that are remembered and have not changed; returns the others.
Result<std::vector<std::string>> Finder::recall(std::span<const std::string> names, Ahead& ahead) {
    std::vector<store::ProcessNumber> numbers;
    std::vector<std::shared_ptr<const KnownProcess>> known;
    for (const std::string& name : names) {
        known.push_back(known_.find(name));
        if (known.back()) numbers.push_back(known.back()->process.number);
    }
    LB_TRY_ASSIGN(const auto revisions, reader_.revisions_of(numbers));
    std::vector<std::string> others;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto revision = known[i] ? revisions.find(known[i]->process.number) : revisions.end();
        if (revision != revisions.end() && revision->second == known[i]->process.revision)
            ahead[names[i]] = {{known[i]->process, {}}, known[i]};
        else
            others.push_back(names[i]);
    }
    return others;
}

Status Finder::add_heartbeats(Ahead& ahead) {
    std::vector<store::ProcessNumber> heard;
    for (const auto& [name, found] : ahead)
        if (found.sighted.process.has_heartbeats) heard.push_back(found.sighted.process.number);
    LB_TRY_ASSIGN(const auto heartbeats, reader_.heartbeats_of(heard));
    for (auto& [name, found] : ahead)
        for (const store::Heartbeat& heartbeat : heartbeats)
            if (heartbeat.process == found.sighted.process.number)
                found.sighted.heartbeats.push_back(heartbeat);
    return {};
}

}  // namespace lb::query
