#include "bkserver/state/retain.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "bkserver/state/attempt.h"
#include "common/base/limits.h"

namespace lb::state {
namespace {

using Position = std::size_t;  // in Registers::track

void mark_truncated(Registers& registers, std::uint16_t number) {
    auto at = std::lower_bound(registers.truncated.begin(), registers.truncated.end(), number);
    if (at == registers.truncated.end() || *at != number) registers.truncated.insert(at, number);
}

// Of a register kept per name the newest names stay.
void bound_names(Registers& registers, std::uint16_t number) {
    const auto begin = registers.claims.lower_bound(Slot{number, {}});
    auto oldest = begin;
    std::size_t count = 0;
    for (auto at = begin; at != registers.claims.end() && at->first.register_number == number;
         ++at) {
        ++count;
        if (at->second.key < oldest->second.key) oldest = at;
    }
    if (count <= limits::kNamesPerRegisterMax) return;
    registers.claims.erase(oldest);
    mark_truncated(registers, number);
}

std::string group_of(const TrackClaim& claim, Groups groups) {
    switch (groups) {
        case Groups::kNone:
            return {};
        case Groups::kByFirstText:
            return claim.texts.empty() ? std::string() : claim.texts.front();
        case Groups::kByAttempt:
            return std::string(attempt_of(claim.key));
    }
    return {};
}

// Positions of one row and source, ascending by key.
std::vector<Position> kind_of(const Registers& registers, const TrackClaim& claim) {
    std::vector<Position> positions;
    for (Position i = 0; i < registers.track.size(); ++i)
        if (registers.track[i].row == claim.row && registers.track[i].source == claim.source)
            positions.push_back(i);
    return positions;
}

struct Chooser {
    const Registers& registers;
    const std::vector<Position>& kind;
    Groups groups;
    std::size_t newest_per_group;

    // The newest claims of each group, of these the newest; and the first claim of the oldest
    // groups.
    [[nodiscard]] std::set<Position> choose() const {
        std::set<Position> chosen;
        std::map<std::string, std::size_t> seen;
        for (auto at = kind.rbegin(); at != kind.rend(); ++at) {
            if (chosen.size() >= limits::kTrackNewestPerKind) break;
            if (seen[group(*at)]++ < newest_per_group) chosen.insert(*at);
        }
        std::set<std::string> first;
        for (const Position at : kind) {
            if (first.size() >= limits::kTrackFirstGroups) break;
            if (first.insert(group(at)).second) chosen.insert(at);
        }
        return chosen;
    }

    [[nodiscard]] std::string group(Position at) const {
        return group_of(registers.track[at], groups);
    }
};

void bound_kind(Registers& registers, const TrackClaim& claim, Groups groups) {
    const std::size_t newest = claim.row == kTouchRow ? 1 : limits::kTrackNewestPerGroup;
    const std::vector<Position> kind = kind_of(registers, claim);
    if (kind.size() <= newest) return;
    const std::set<Position> chosen = Chooser{registers, kind, groups, newest}.choose();
    for (auto at = kind.rbegin(); at != kind.rend(); ++at) {
        if (chosen.contains(*at)) continue;
        registers.track.erase(registers.track.begin() + static_cast<std::ptrdiff_t>(*at));
        if (claim.row != kTouchRow) registers.track_truncated = true;
    }
}

}  // namespace

bool put_claim(Registers& registers, const AttributeInfo& info, const std::string& name,
               Claim claim) {
    auto [at, is_new] = registers.claims.try_emplace(Slot{info.number, name}, claim);
    if (!is_new) {
        const bool wins =
            info.merge == Merge::kFirst ? claim.key < at->second.key : claim.key > at->second.key;
        if (wins) at->second = std::move(claim);
        return wins;
    }
    if (is_named(info.merge)) bound_names(registers, info.number);
    return true;
}

void put_track(Registers& registers, TrackClaim claim, Groups groups) {
    const auto at = std::lower_bound(registers.track.begin(), registers.track.end(), claim);
    if (at != registers.track.end() && at->key == claim.key) return;
    const TrackClaim copy{claim.key, claim.row, claim.source, 0, {}, false, {}};
    registers.track.insert(at, std::move(claim));
    bound_kind(registers, copy, groups);
}

}  // namespace lb::state
