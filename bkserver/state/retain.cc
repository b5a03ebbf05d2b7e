#include "bkserver/state/retain.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "bkserver/state/attempt.h"
#include "bkserver/state/claim_limits.h"
#include "bkserver/state/track_limits.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

namespace lb::state {
namespace {

using Position = std::size_t;  // in Registers::track

void mark_truncated(Registers& registers, std::uint16_t number) {
    auto at = std::lower_bound(registers.truncated.begin(), registers.truncated.end(), number);
    if (at == registers.truncated.end() || *at != number) registers.truncated.insert(at, number);
}

// Returns whether it was too long.
bool cut(std::string& text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return false;
    text = std::string(cut_utf8(text, bytes_max));  // lets go of the memory, too
    return true;
}

std::size_t value_bytes_max(const AttributeInfo& info) {
    if (is_named(info.merge)) return limits::kNamedTextBytesMax;
    return is_document(info) ? limits::kClaimDocumentBytesMax : limits::kClaimTextBytesMax;
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

// Claims of one row and source.
using Kind = std::pair<std::uint16_t, event::Source>;

Kind kind_of(const TrackClaim& claim) {
    return {claim.row, claim.source};
}

// Positions of the claim's kind, ascending by key.
std::vector<Position> positions_of(const Registers& registers, const Kind& kind) {
    std::vector<Position> positions;
    for (Position i = 0; i < registers.track.size(); ++i)
        if (kind_of(registers.track[i]) == kind) positions.push_back(i);
    return positions;
}

void drop(Registers& registers, const std::vector<Position>& ascending) {
    for (auto at = ascending.rbegin(); at != ascending.rend(); ++at) {
        if (registers.track[*at].row != kTouchRow) registers.track_truncated = true;
        registers.track.erase(registers.track.begin() + static_cast<std::ptrdiff_t>(*at));
    }
}

// ---- hosts: they take turns, so that a group's claims stand anywhere among the others

std::string_view host_of(const TrackClaim& claim, Groups groups) {
    const bool has_host = groups == Groups::kByFirstText && !claim.texts.empty();
    return has_host ? std::string_view(claim.texts.front()) : std::string_view();
}

// The newest claims of each host, of these the newest; and the first claim of the oldest hosts.
std::set<Position> choose(const Registers& registers, const std::vector<Position>& kind,
                          const Bounds& bounds) {
    std::set<Position> chosen;
    std::map<std::string_view, std::size_t> seen;
    for (auto at = kind.rbegin(); at != kind.rend(); ++at) {
        if (chosen.size() >= limits::kTrackNewestPerKind) break;
        if (seen[host_of(registers.track[*at], bounds.groups)]++ < bounds.newest)
            chosen.insert(*at);
    }
    std::set<std::string_view> first;
    for (const Position at : kind) {
        if (first.size() >= limits::kTrackFirstGroups) break;
        if (first.insert(host_of(registers.track[at], bounds.groups)).second) chosen.insert(at);
    }
    return chosen;
}

void bound_hosts(Registers& registers, const Kind& kind, const Bounds& bounds) {
    std::vector<Position> positions = positions_of(registers, kind);
    if (positions.size() <= bounds.newest) return;
    const std::set<Position> chosen = choose(registers, positions, bounds);
    std::erase_if(positions, [&](Position at) { return chosen.contains(at); });
    drop(registers, positions);
}

// ---- attempts: they begin the keys, so that a group's claims stand side by side

// The first position of the attempt that the claim at `at` belongs to.
Position attempt_begin(const Registers& registers, Position at) {
    const std::string_view attempt = attempt_of(registers.track[at].key);
    const auto begin = std::partition_point(
        registers.track.begin(), registers.track.end(),
        [&](const TrackClaim& claim) { return attempt_of(claim.key) < attempt; });
    return static_cast<Position>(begin - registers.track.begin());
}

// Of one kind in the attempt around `at`: the first claim and the newest.
void bound_attempt(Registers& registers, Position at, const Bounds& bounds) {
    const Kind kind = kind_of(registers.track[at]);
    const std::string attempt(attempt_of(registers.track[at].key));
    std::vector<Position> positions;
    for (Position i = attempt_begin(registers, at);
         i < registers.track.size() && attempt_of(registers.track[i].key) == attempt; ++i)
        if (kind_of(registers.track[i]) == kind) positions.push_back(i);
    if (positions.size() <= bounds.newest + 1) return;
    positions.erase(positions.end() - static_cast<std::ptrdiff_t>(bounds.newest), positions.end());
    positions.erase(positions.begin());
    drop(registers, positions);
}

// Where the newest attempts begin.
Position newest_attempts_begin(const Registers& registers) {
    Position begin = registers.track.size();
    for (std::size_t i = 0; i < limits::kTrackAttemptsMax && begin > 0; ++i)
        begin = attempt_begin(registers, begin - 1);
    return begin;
}

// Of attempts before the newest ones only the first and the newest claim of each kind stay.
void bound_attempts(Registers& registers) {
    if (registers.track.size() <= limits::kTrackAttemptsMax) return;
    const Position begin = newest_attempts_begin(registers);
    if (begin == 0) return;
    std::map<Kind, Position> first;
    std::map<Kind, Position> newest;
    for (Position i = 0; i < registers.track.size(); ++i) {
        first.try_emplace(kind_of(registers.track[i]), i);
        newest[kind_of(registers.track[i])] = i;
    }
    std::vector<Position> dropped;
    for (Position i = 0; i < begin; ++i) {
        const Kind kind = kind_of(registers.track[i]);
        if (first[kind] != i && newest[kind] != i) dropped.push_back(i);
    }
    drop(registers, dropped);
}

}  // namespace

bool put_claim(Registers& registers, const AttributeInfo& info, std::string name, Claim claim) {
    bool is_cut = cut(claim.value, value_bytes_max(info));
    if (info.merge == Merge::kPerName) {
        is_cut |= cut(name, limits::kClaimNameBytesMax);
        cut(claim.label, limits::kClaimNameBytesMax);
    }
    const bool is_nameless = info.merge == Merge::kPerId && name.size() > limits::kClaimIdBytesMax;
    if (is_cut || is_nameless) mark_truncated(registers, info.number);
    if (is_nameless) return false;
    auto [at, is_new] = registers.claims.try_emplace(Slot{info.number, std::move(name)}, claim);
    if (!is_new) {
        const bool wins =
            info.merge == Merge::kFirst ? claim.key < at->second.key : claim.key > at->second.key;
        if (wins) at->second = std::move(claim);
        return wins;
    }
    if (is_named(info.merge)) bound_names(registers, info.number);
    return true;
}

Bounds bounds_of(const Machine* machine, std::uint16_t row) {
    if (machine == nullptr) return {};
    Bounds bounds{machine->groups, limits::kTrackNewestPerGroup};
    if (row == kTouchRow) bounds.newest = 1;
    if (const TrackRow* known = find_row(machine->track, row)) bounds.newest = known->newest_kept;
    return bounds;
}

void put_track(Registers& registers, TrackClaim claim, const Bounds& bounds) {
    const auto at = std::lower_bound(registers.track.begin(), registers.track.end(), claim);
    if (at != registers.track.end() && at->key == claim.key) return;
    const Kind kind = kind_of(claim);
    const auto place = registers.track.insert(at, std::move(claim));
    if (bounds.groups != Groups::kByAttempt) return bound_hosts(registers, kind, bounds);
    bound_attempt(registers, static_cast<Position>(place - registers.track.begin()), bounds);
    bound_attempts(registers);
}

}  // namespace lb::state
