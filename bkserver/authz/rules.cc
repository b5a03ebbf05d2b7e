#include "bkserver/authz/rules.h"

#include <algorithm>
#include <array>

#include "common/base/host_name.h"
#include "common/base/pattern.h"
#include "common/event/identity.h"

namespace lb::authz {

namespace {

using event::host_of_certificate;

constexpr std::array<std::string_view, kRoleCount> kRoleNames{
    "forwarder", "origin",           "registrar", "adopter",      "reader", "admin",
    "grantor",   "anonymous-reader", "monitor",   "statistician", "purger", "foreign-registrar"};
// Actions of the original's policy that are roles here.
struct Action {
    std::string_view name;
    Role role;
};
constexpr Action kActions[] = {
    {"ADMIN_ACCESS", Role::kAdmin},
    {"STATUS_FOR_MONITORING", Role::kMonitor},
    {"GET_STATISTICS", Role::kStatistician},
    {"REGISTER_JOBS", Role::kRegistrar},
    {"REGISTER_FOREIGN", Role::kForeignRegistrar},
    {"READ_ALL", Role::kReader},
    {"READ_ANONYMIZED", Role::kAnonymousReader},
    {"PURGE", Role::kPurger},
    {"GRANT_OWNERSHIP", Role::kGrantor},
};
// The original's LOG_WMS_EVENTS, LOG_CE_EVENTS and LOG_GENERAL_EVENTS.
struct EventGroup {
    std::string_view name;
    std::span<const std::string_view> prefixes;
    std::span<const std::string_view> events;
};
constexpr std::string_view kCePrefixes[] = {"CREAM", "PBS"};
constexpr std::string_view kCeEvents[] = {"Running", "ReallyRunning", "Done"};
constexpr std::string_view kWmsEvents[] = {
    "Transfer",     "Accepted",     "Refused", "EnQueued",      "DeQueued",
    "HelperCall",   "HelperReturn", "Running", "Match",         "Pending",
    "Resubmission", "Done",         "Cancel",  "Abort",         "Clear",
    "Purge",        "Suspend",      "Resume",  "ReallyRunning", "CollectionState"};
constexpr std::string_view kGeneralEvents[] = {"CurDescr", "UserTag", "ChangeACL"};
constexpr EventGroup kEventGroups[] = {
    {"wms", {}, kWmsEvents}, {"ce", kCePrefixes, kCeEvents}, {"general", {}, kGeneralEvents}};
constexpr std::array<std::string_view, 3> kOwnerSources{"UserInterface", "LRMS", "Application"};
// What a host may say about who logged an event, unless its rule says otherwise: only what its own
// kernel proves.
const std::vector<std::string> kVouchesByDefault{"uid", "channel"};
const std::vector<std::string> kOwnHost{"own"};

template <typename List, typename Text>
bool has(const List& list, const Text& text) {
    return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

bool contains(const std::vector<Role>& roles, Role role) {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view text) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return matches_pattern(pattern, text); });
}

bool matches_host(const std::vector<std::string>& patterns, std::string_view host,
                  std::string_view own_host) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        if (pattern == "own") return !own_host.empty() && is_same_host(own_host, host);
        return is_same_host(pattern, host) ||
               matches_pattern(lower_case(pattern), lower_case(host));
    });
}

const std::vector<std::string>& or_else(const std::vector<std::string>& list,
                                        const std::vector<std::string>& otherwise) {
    return list.empty() ? otherwise : list;
}

bool matches_forwarding(const Rule& rule, const Act& act) {
    // A refusal without hosts or kinds refuses all of them.
    if (rule.is_deny && rule.hosts.empty() && rule.vouches.empty()) return true;
    const std::string_view own = host_of_certificate(act.identity);
    return matches_host(or_else(rule.hosts, kOwnHost), act.host, own) &&
           matches_any(or_else(rule.vouches, kVouchesByDefault), act.vouched_kind);
}

bool matches_source(const Rule& rule, const Act& act) {
    if (!rule.sources.empty()) return matches_any(rule.sources, act.source);
    return rule.is_deny || !speaks_for_owner(act.source);
}

bool matches_spoken_host(const Rule& rule, const Act& act) {
    if (act.spoken_host.empty()) return true;
    if (rule.is_deny && rule.speaks_for.empty()) return true;
    const std::string_view certified = host_of_certificate(act.identity);
    return matches_host(or_else(rule.speaks_for, kOwnHost), act.spoken_host,
                        certified.empty() ? act.host : certified);
}

bool matches_event(const std::vector<std::string>& names, std::string_view event) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return is_event_group(name) ? is_in_event_group(name, event) : matches_pattern(name, event);
    });
}

bool matches_who(const Rule& rule, const Act& act) {
    if (matches_any(rule.who, act.identity)) return true;
    return std::any_of(act.groups.begin(), act.groups.end(), [&](const std::string& group) {
        return matches_any(rule.who, "group:" + group);
    });
}

bool matches_origin(const Rule& rule, const Act& act) {
    return (rule.hosts.empty() ||
            matches_host(rule.hosts, act.host, host_of_certificate(act.identity))) &&
           matches_source(rule, act) &&
           (rule.events.empty() || matches_event(rule.events, act.event)) &&
           matches_spoken_host(rule, act);
}

bool matches_adoption(const Rule& rule, const Act& act) {
    if (rule.is_deny && rule.hosts.empty()) return true;
    const std::string_view certified = host_of_certificate(act.identity);
    return matches_host(or_else(rule.hosts, kOwnHost), act.host,
                        certified.empty() ? act.host : certified);
}

// "uid:1000" and "node1" of "uid:1000@node1"; names of other kinds have no realm.
std::pair<std::string_view, std::string_view> split_realm(std::string_view identity) {
    const std::size_t at = identity.starts_with("uid:") ? identity.rfind('@') : identity.npos;
    if (at == identity.npos) return {identity, {}};
    return {identity.substr(0, at), identity.substr(at + 1)};
}

bool matches(const Rule& rule, const Act& act) {
    if (!contains(rule.roles, act.role) || !matches_who(rule, act)) return false;
    if (!rule.processes.empty() && !act.process.empty() &&
        !matches_any(rule.processes, act.process))
        return false;
    switch (act.role) {
        case Role::kForwarder:
            return matches_forwarding(rule, act);
        case Role::kOrigin:
            return matches_origin(rule, act);
        case Role::kAdopter:
            return matches_adoption(rule, act);
        case Role::kRegistrar:
        case Role::kReader:
        case Role::kAdmin:
        case Role::kGrantor:
        case Role::kAnonymousReader:
        case Role::kMonitor:
        case Role::kStatistician:
        case Role::kPurger:
        case Role::kForeignRegistrar:
            return true;
    }
    return false;
}

}  // namespace

std::string_view to_string(Role role) {
    return kRoleNames[static_cast<std::size_t>(role)];
}

std::optional<Role> role_of(std::string_view name) {
    for (std::size_t i = 0; i < kRoleCount; ++i)
        if (kRoleNames[i] == name) return static_cast<Role>(i);
    for (const Action& action : kActions)
        if (action.name == name) return action.role;
    return std::nullopt;
}

std::vector<std::string> groups_of(const RuleSet& rules, std::string_view identity,
                                   std::span<const std::string> proven) {
    std::vector<std::string> groups(proven.begin(), proven.end());
    for (const Group& group : rules.groups)
        if (matches_any(group.members, identity) && !has(groups, group.name))
            groups.push_back(group.name);
    return groups;
}

bool is_event_group(std::string_view name) {
    return std::any_of(std::begin(kEventGroups), std::end(kEventGroups),
                       [&](const EventGroup& group) { return group.name == name; });
}

bool is_in_event_group(std::string_view name, std::string_view event) {
    for (const EventGroup& group : kEventGroups)
        if (group.name == name)
            return has(group.events, event) ||
                   std::any_of(group.prefixes.begin(), group.prefixes.end(),
                               [&](std::string_view prefix) { return event.starts_with(prefix); });
    return false;
}

Ruling judge(const RuleSet& rules, const Act& act) {
    Ruling ruling;
    for (const Rule& rule : rules.rules) {
        if (!matches(rule, act)) continue;
        if (rule.is_deny) return {false, &rule};
        if (ruling.rule == nullptr) ruling = {true, &rule};
    }
    return ruling;
}

std::string canonical_identity(const RuleSet& rules, std::string_view identity) {
    const auto [who, realm] = split_realm(identity);
    for (const Alias& alias : rules.aliases)
        for (const std::string& also : alias.also) {
            const auto [also_who, also_realm] = split_realm(also);
            if (who == also_who && (also_realm.empty() || is_same_host(realm, also_realm)))
                return alias.identity;
        }
    return std::string(identity);
}

std::vector<std::string> patterns_of_identity(const RuleSet& rules, std::string_view identity) {
    std::vector<std::string> patterns = {std::string(identity)};
    for (const Alias& alias : rules.aliases)
        if (alias.identity == identity)
            for (const std::string& also : alias.also) {
                const auto [who, realm] = split_realm(also);
                patterns.emplace_back(who);
                // A short and a full name are one host: whichever it is.
                if (who.starts_with("uid:")) patterns.push_back(std::string(who) + "@*");
            }
    return patterns;
}

bool speaks_for_owner(std::string_view source) {
    return std::find(kOwnerSources.begin(), kOwnerSources.end(), source) != kOwnerSources.end();
}

}  // namespace lb::authz
