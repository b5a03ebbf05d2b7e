#include "bkserver/authz/reading.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::authz {

namespace {

using Kind = state::AccessEntry::Kind;

// Events name people by subject, as the original does, or by whole identity.
bool is_person(const RuleSet& rules, std::string_view named, const Actor& actor) {
    const std::string identity =
        (named.starts_with('/') ? "certificate:" : "") + std::string(named);
    return !actor.identity.empty() && canonical_identity(rules, identity) == actor.identity;
}

// The original's "vo":"group" is vo/group among the policy's groups; an FQAN stands as it is.
bool is_in_group(std::string_view named, const Actor& actor) {
    std::string name;
    for (const char character : named)
        if (character != '"') name += character == ':' ? '/' : character;
    return std::any_of(actor.groups.begin(), actor.groups.end(),
                       [&](const std::string& group) { return group == named || group == name; });
}

bool is_meant(const RuleSet& rules, const state::AccessEntry& entry, const Actor& actor) {
    return entry.kind == Kind::kPerson ? is_person(rules, entry.who, actor)
                                       : is_in_group(entry.who, actor);
}

// What the rules for readers, anonymous readers and monitors give.
Reading read_by_roles(const RuleSet& rules, const Actor& actor, const ReadQuestion& question,
                      const Ruling& reader) {
    if (reader.is_allowed)
        return {View::kFull, fmt::format("allowed by \"{}\"", reader.rule->name),
                reader.rule->place};
    for (const auto& [role, view] : {std::pair(Role::kAnonymousReader, View::kAnonymized),
                                     std::pair(Role::kMonitor, View::kReduced)}) {
        const Ruling ruling = judge(rules, {.role = role,
                                            .identity = actor.identity,
                                            .groups = actor.groups,
                                            .process = question.process});
        if (ruling.is_allowed)
            return {view, fmt::format("allowed by \"{}\"", ruling.rule->name), ruling.rule->place};
    }
    return {};
}

}  // namespace

std::string_view to_string(View view) {
    constexpr std::string_view kWords[] = {"none", "reduced", "anonymized", "full"};
    return kWords[static_cast<std::size_t>(view)];
}

std::string words_for_admin(const Actor& actor) {
    if (actor.admin_rule == nullptr) return "allowed to administrators of this host";
    return fmt::format("allowed to administrators by \"{}\"", actor.admin_rule->name);
}

std::string place_for_admin(const Actor& actor) {
    return actor.admin_rule == nullptr ? std::string() : actor.admin_rule->place;
}

bool is_registrant(const RuleSet& rules, const Actor& actor, std::string_view registrant) {
    return !registrant.empty() && canonical_identity(rules, registrant) == actor.identity;
}

bool is_payload_owner(const RuleSet& rules, const state::Access* access, const Actor& actor) {
    return access != nullptr && !access->payload_owner.empty() &&
           is_person(rules, access->payload_owner, actor);
}

Listed listed(const RuleSet& rules, const state::Access* access, const Actor& actor,
              state::Right right) {
    if (access == nullptr) return Listed::kNot;
    Listed result = Listed::kNot;
    for (const state::AccessEntry& entry : access->entries) {
        if (entry.right != right || !is_meant(rules, entry, actor)) continue;
        if (entry.is_denial || access->has_lost_denials) return Listed::kDenied;
        result = Listed::kAllowed;
    }
    return result;
}

std::optional<Reach> reach_by_rules(const RuleSet& rules, const Actor& actor) {
    if (actor.is_admin) return std::nullopt;
    RuleSet allowing;
    for (const Rule& rule : rules.rules)
        if (!rule.is_deny) allowing.rules.push_back(rule);
    for (const Role role : {Role::kReader, Role::kAnonymousReader, Role::kMonitor})
        if (judge(allowing, {.role = role, .identity = actor.identity, .groups = actor.groups})
                .is_allowed)
            return std::nullopt;
    return Reach{.registrants = patterns_of_identity(rules, actor.identity), .names = {}};
}

Reading read_by_rules(const RuleSet& rules, const Actor& actor, const ReadQuestion& question) {
    if (is_registrant(rules, actor, question.registrant))
        return {View::kFull, "allowed to whoever registered the process"};
    if (is_payload_owner(rules, question.access, actor))
        return {View::kFull, "allowed to the owner of the payload"};
    if (actor.is_admin) return {View::kFull, words_for_admin(actor), place_for_admin(actor)};
    const Ruling reader = judge(rules, {.role = Role::kReader,
                                        .identity = actor.identity,
                                        .groups = actor.groups,
                                        .process = question.process});
    // The site's word stands above what owners allow; and who is denied everything is not shown
    // less either.
    if (reader.rule != nullptr && reader.rule->is_deny)
        return {View::kNone,
                fmt::format("{} may not read {}: denied by \"{}\"", actor.identity,
                            question.process, reader.rule->name),
                reader.rule->place};
    const Listed own = listed(rules, question.access, actor, state::Right::kRead);
    if (own == Listed::kAllowed) return {View::kFull, "allowed by the access list of the process"};
    const Reading by_roles = read_by_roles(rules, actor, question, reader);
    if (by_roles.view != View::kNone) return by_roles;
    return {View::kNone,
            fmt::format("{} may not read {}: {}", actor.identity, question.process,
                        own == Listed::kDenied ? "denied by the access list of the process"
                                               : "no rule of the policy allows it (role reader)")};
}

}  // namespace lb::authz
