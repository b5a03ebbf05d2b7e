#include "bkserver/authz/policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/base/host_name.h"
#include "common/env/env.h"
#include "common/event/digest.h"
#include "common/event/identity.h"

namespace lb::authz {

namespace {

using book::Decision;
using event::identity_text;

constexpr std::string_view kManagerOfHost = "VMManager";

std::string_view kind_of(std::string_view identity) {
    return identity.substr(0, identity.find(':'));
}

std::string_view name_of_source(event::Source source) {
    const auto names = event::source_names();
    const auto index = static_cast<std::size_t>(source);
    return index < names.size() ? names[index] : names[0];
}

std::string_view name_of_type(std::uint16_t type) {
    const event::TypeInfo* info = event::find_type(type);
    return info == nullptr ? std::string_view("unknown") : info->name;
}

// What the act was, for refusals.
std::string act_text(const Act& act) {
    switch (act.role) {
        case Role::kForwarder:
            return fmt::format("{} may not deliver what a {} logged on {}", act.identity,
                               act.vouched_kind, act.host);
        case Role::kOrigin:
            return fmt::format("{} on {} may not log {} from {}", act.identity, act.host, act.event,
                               act.source);
        case Role::kRegistrar:
            return fmt::format("{} may not register processes", act.identity);
        case Role::kAdopter:
            return fmt::format("{} may not adopt processes of {}", act.identity, act.host);
        case Role::kReader:
            return fmt::format("{} may not read {}", act.identity, act.process);
        case Role::kAdmin:
            return fmt::format("{} may not administer this server", act.identity);
        case Role::kGrantor:
            return fmt::format("{} may not grant the payload of {}", act.identity, act.process);
        case Role::kAnonymousReader:
        case Role::kMonitor:
            return fmt::format("{} may not see {}", act.identity, act.process);
        case Role::kStatistician:
            return fmt::format("{} may not ask for statistics", act.identity);
        case Role::kPurger:
            return fmt::format("{} may not purge processes", act.identity);
        case Role::kForeignRegistrar:
            return fmt::format("{} may not register processes that others own", act.identity);
    }
    return {};
}

Decision decide(const RuleSet& rules, const Act& act) {
    const Ruling ruling = judge(rules, act);
    if (ruling.is_allowed)
        return {true, fmt::format("allowed by \"{}\"", ruling.rule->name), ruling.rule->place};
    if (ruling.rule != nullptr)
        return {false, fmt::format("{}: denied by \"{}\"", act_text(act), ruling.rule->name),
                ruling.rule->place};
    if (!act.spoken_host.empty() && !is_same_host(act.spoken_host, act.host))
        return {false, fmt::format("{} and speak for {}: no rule of the policy allows it",
                                   act_text(act), act.spoken_host)};
    return {false, fmt::format("{}: no rule of the policy allows it (role {})", act_text(act),
                               to_string(act.role))};
}

Decision as_admin(const Actor& actor) {
    return {true, words_for_admin(actor), place_for_admin(actor)};
}

bool is_type(const event::Event& event, event::EventType type) {
    return event.type == static_cast<std::uint16_t>(type);
}

// The host that an event of a host's own manager speaks for: the field, else the producer's host.
// Of an address or a new machine the field is that machine's own name.
std::string_view spoken_host(const book::PolicyQuestion& question, std::string_view source) {
    if (source != kManagerOfHost) return {};
    const bool names_machine = is_type(question.event, event::EventType::kVMNetwork) ||
                               is_type(question.event, event::EventType::kVMCreate);
    const std::string_view named =
        names_machine ? std::string_view() : question.event.text("hostname");
    return named.empty() ? std::string_view(question.event.host) : named;
}

Decision judge_as_registrar(const RuleSet& rules, const book::PolicyQuestion& question,
                            const Actor& actor, Role role) {
    return decide(rules, {.role = role,
                          .identity = actor.identity,
                          .groups = actor.groups,
                          .host = question.origin_host,
                          .process = question.subject});
}

Decision judge_binding(const RuleSet& rules, const book::PolicyQuestion& question,
                       const Actor& actor) {
    if (is_registrant(rules, actor, question.registrant))
        return {true, "allowed to whoever registered the process"};
    if (!question.registrant.empty())
        return {false, fmt::format("{} is registered by somebody else; {} may not bind it",
                                   question.subject, actor.identity)};
    if (actor.is_admin) return as_admin(actor);
    return judge_as_registrar(rules, question, actor, Role::kRegistrar);
}

// Whoever registers for somebody else needs a role for that, too. (The original refused it to those
// who had it, and allowed it to those who had not.)
Decision judge_registration(const RuleSet& rules, const book::PolicyQuestion& question,
                            const Actor& actor) {
    const std::string owner = canonical_identity(
        rules, event::owner_of_registration(question.event.user, identity_text(question.origin)));
    if (!question.registrant.empty() && canonical_identity(rules, question.registrant) != owner)
        return {false, fmt::format("{} is registered by somebody else; {} may not register it",
                                   question.subject, actor.identity)};
    if (actor.is_admin) return as_admin(actor);
    if (owner != actor.identity) {
        Decision foreign = judge_as_registrar(rules, question, actor, Role::kForeignRegistrar);
        if (!foreign.is_allowed) foreign.reason += "; the event names " + owner + " as its owner";
        if (!foreign.is_allowed) return foreign;
    }
    return judge_as_registrar(rules, question, actor, Role::kRegistrar);
}

// Events about rights: who may read and tag, who owns the payload.
Decision judge_rights(const RuleSet& rules, const book::PolicyQuestion& question,
                      const Actor& actor) {
    if (actor.is_admin) return as_admin(actor);
    if (is_registrant(rules, actor, question.registrant))
        return {true, "allowed to whoever registered the process"};
    if (is_type(question.event, event::EventType::kTakePayloadOwnership))
        return {true, "whoever was granted the payload may take it"};
    if (is_type(question.event, event::EventType::kGrantPayloadOwnership))
        return decide(rules, {.role = Role::kGrantor,
                              .identity = actor.identity,
                              .groups = actor.groups,
                              .host = question.origin_host,
                              .process = question.subject});
    return {false, fmt::format("{} may not change the access list of {}: only who registered it, "
                               "or an administrator",
                               actor.identity, question.subject)};
}

Act origin_act(const book::PolicyQuestion& question, const Actor& actor, std::string_view source) {
    return {.role = Role::kOrigin,
            .identity = actor.identity,
            .groups = actor.groups,
            .host = question.origin_host,
            .source = source,
            .event = name_of_type(question.event.type),
            .process = question.subject,
            .spoken_host = spoken_host(question, source)};
}

// Sources that speak for the owner: allowed to the owner, to the owner of the payload, and, of
// tags, to whom the access list allows it, unless the site denies it.
Decision judge_owners_word(const RuleSet& rules, const book::PolicyQuestion& question,
                           const Actor& actor) {
    if (is_registrant(rules, actor, question.registrant))
        return {true, "allowed to whoever registered the process"};
    const Ruling ruling =
        judge(rules, origin_act(question, actor, name_of_source(question.event.source)));
    if (ruling.rule != nullptr && ruling.rule->is_deny) return {};
    if (is_payload_owner(rules, question.access, actor))
        return {true, "allowed to the owner of the payload"};
    if (is_type(question.event, event::EventType::kUserTag) &&
        listed(rules, question.access, actor, state::Right::kTag) == Listed::kAllowed)
        return {true, "allowed by the access list of the process"};
    return {};
}

bool changes_rights(const event::Event& event) {
    return event.type == static_cast<std::uint16_t>(event::EventType::kChangeACL) ||
           event.type == static_cast<std::uint16_t>(event::EventType::kGrantPayloadOwnership) ||
           event.type == static_cast<std::uint16_t>(event::EventType::kTakePayloadOwnership);
}

// The process itself, by one of the names that the token knows it by.
bool is_of_token(const store::Token& token, std::string_view subject, std::string_view process) {
    return subject == token.name || subject == token.process ||
           (!process.empty() && (process == token.name || process == token.process));
}

// Neither tokens nor channels give these.
bool needs_identity(const event::Event& event) {
    return is_type(event, event::EventType::kRegJob) || is_type(event, event::EventType::kBind) ||
           changes_rights(event);
}

Decision without_identity(const book::PolicyQuestion& question) {
    return {false, fmt::format("{} may log what happens, not {}: that needs an identity",
                               identity_text(question.origin), name_of_type(question.event.type))};
}

// Who has permission by a token or a channel: a rule can only take that away.
Decision unless_denied(const RuleSet& rules, const book::PolicyQuestion& question,
                       const char* permission) {
    Actor guest;
    guest.identity = identity_text(question.origin);
    const Ruling ruling =
        judge(rules, origin_act(question, guest, name_of_source(question.event.source)));
    if (ruling.rule != nullptr && ruling.rule->is_deny)
        return {false, fmt::format("{}: denied by \"{}\"", guest.identity, ruling.rule->name),
                ruling.rule->place};
    return {true, permission};
}

// What anybody says of a process of others or his own.
Decision judge_word(const RuleSet& rules, const book::PolicyQuestion& question,
                    const Actor& actor) {
    if (actor.is_admin) return as_admin(actor);
    const std::string_view source = name_of_source(question.event.source);
    if (speaks_for_owner(source)) {
        Decision own = judge_owners_word(rules, question, actor);
        if (own.is_allowed) return own;
    }
    return decide(rules, origin_act(question, actor, source));
}

// A guest on its channel may say what happens in its own machine; a rule can only take that away.
Decision judge_channel(const RuleSet& rules, const book::PolicyQuestion& question) {
    const std::string who = identity_text(question.origin);
    const std::string_view source = name_of_source(question.event.source);
    if (needs_identity(question.event)) return without_identity(question);
    if (question.subject != question.origin.name())
        return {false, fmt::format("{} is a guest on its channel and may not speak for {}", who,
                                   question.subject)};
    if (question.event.source != event::Source::kVmSystem)
        return {false, fmt::format("{} may speak as VMSystem, not as {}", who, source)};
    return unless_denied(rules, question, "allowed by its channel");
}

}  // namespace

Policy::Policy(RuleSet rules, std::vector<std::uint32_t> admin_uids)
    : admin_uids_(std::move(admin_uids)),
      own_salt_([] {
          std::string salt(16, '\0');
          env::posix_env().fill_random(salt);
          return salt;
      }()),
      rules_(std::make_shared<const RuleSet>(std::move(rules))) {}

RuleSet Policy::open_to_all() {
    Rule rule;
    rule.name = "open to all";
    for (std::size_t role = 0; role < kRoleCount; ++role)
        rule.roles.push_back(static_cast<Role>(role));
    rule.who = rule.hosts = rule.vouches = rule.sources = rule.speaks_for = {"*"};
    return {{rule}, {}, {}, {}, {}};
}

void Policy::replace(RuleSet rules) {
    auto fresh = std::make_shared<const RuleSet>(std::move(rules));
    const std::lock_guard lock(mutex_);
    rules_ = std::move(fresh);
}

std::shared_ptr<const RuleSet> Policy::rules() const {
    const std::lock_guard lock(mutex_);
    return rules_;
}

std::vector<std::string> Policy::groups(const lb::v1::Identity& identity) const {
    const auto rules = this->rules();
    return actor_of(*rules, identity).groups;
}

std::string Policy::salt() const {
    const auto rules = this->rules();
    return rules->salt.empty() ? own_salt_ : rules->salt;
}

void Policy::derive_salt(std::string_view secret) {
    own_salt_ = event::sha256("salt of pseudonyms " + std::string(secret));
}

bool Policy::is_local_admin(const lb::v1::Identity& identity) const {
    if (identity.kind() != lb::v1::IDENTITY_KIND_UID) return false;
    return std::any_of(admin_uids_.begin(), admin_uids_.end(),
                       [&](std::uint32_t uid) { return identity.name() == std::to_string(uid); });
}

Actor Policy::actor_of(const RuleSet& rules, const lb::v1::Identity& identity) const {
    Actor actor;
    actor.identity = canonical_identity(rules, identity_text(identity));
    // What a host states of its users' groups is nobody's proof: the policy's own groups count.
    actor.groups = groups_of(rules, actor.identity, {});
    const Ruling ruling =
        judge(rules, {.role = Role::kAdmin, .identity = actor.identity, .groups = actor.groups});
    const bool is_local = is_local_admin(identity);
    actor.is_admin = is_local || ruling.is_allowed;
    if (!is_local) actor.admin_rule = ruling.rule;
    return actor;
}

// Root of some other host is no administrator here: only who speaks for themselves can be.
Actor Policy::origin_of(const RuleSet& rules, const book::PolicyQuestion& question) const {
    Actor actor = actor_of(rules, question.origin);
    if (identity_text(question.origin) != identity_text(question.forwarder)) actor.is_admin = false;
    return actor;
}

// What is imported was judged by the server that it comes from.
bool Policy::is_import(const RuleSet& rules, const book::PolicyQuestion& question) const {
    return question.origin.kind() == lb::v1::IDENTITY_KIND_IMPORT &&
           actor_of(rules, question.forwarder).is_admin;
}

Decision Policy::may_log(const book::PolicyQuestion& question) const {
    const auto rules = this->rules();
    if (is_import(*rules, question)) return {true, "imports are allowed to administrators"};
    const Actor actor = origin_of(*rules, question);
    const std::string forwarder = identity_text(question.forwarder);
    const std::string stated = identity_text(question.origin);
    if (stated != forwarder) {
        const Decision vouched = decide(*rules, {.role = Role::kForwarder,
                                                 .identity = forwarder,
                                                 .host = question.origin_host,
                                                 .vouched_kind = kind_of(stated),
                                                 .process = question.subject});
        if (!vouched.is_allowed) return vouched;
    }
    if (question.origin.kind() == lb::v1::IDENTITY_KIND_TOKEN) return judge_token(*rules, question);
    if (question.origin.kind() == lb::v1::IDENTITY_KIND_CHANNEL)
        return judge_channel(*rules, question);
    if (is_type(question.event, event::EventType::kRegJob))
        return judge_registration(*rules, question, actor);
    if (is_type(question.event, event::EventType::kBind))
        return judge_binding(*rules, question, actor);
    if (changes_rights(question.event)) return judge_rights(*rules, question, actor);
    return judge_word(*rules, question, actor);
}

// What the child is or becomes was asked before; here, who moves the parent: its owner, for himself
// or for others, and whoever else may log such an event for it.
Decision Policy::may_add_child(const book::PolicyQuestion& question) const {
    const auto rules = this->rules();
    if (is_import(*rules, question)) return {true, "imports are allowed to administrators"};
    const Actor actor = origin_of(*rules, question);
    const std::string owner = canonical_identity(
        *rules, event::owner_of_registration(question.event.user, identity_text(question.origin)));
    const bool is_owners = is_type(question.event, event::EventType::kRegJob) &&
                           canonical_identity(*rules, question.registrant) == owner;
    if (is_owners || is_registrant(*rules, actor, question.registrant))
        return {true, "allowed to whoever registered the process"};
    return judge_word(*rules, question, actor);
}

// A token is its own permission, within its scope; a rule can only take away from it.
Decision Policy::judge_token(const RuleSet& rules, const book::PolicyQuestion& question) const {
    const std::string& id = question.origin.name();
    if (tokens_ == nullptr) return {false, "this server takes no tokens"};
    const auto token = tokens_->find(id, env::posix_env().now_us());
    if (!token.ok()) return {false, token.error().text};
    const std::string_view source = name_of_source(question.event.source);
    if (needs_identity(question.event)) return without_identity(question);
    if (!is_of_token(*token, question.subject, question.process))
        return {false,
                fmt::format("token {} is for {}, not for {}", id, token->name, question.subject)};
    if ((token->sources & bit_of(question.event.source)) == 0)
        return {false, fmt::format("token {} may speak as {}, not as {}", id,
                                   fmt::join(names_of_sources(token->sources), " or "), source)};
    return unless_denied(rules, question, "allowed by its token");
}

Decision Policy::may_adopt(const book::PolicyQuestion& question) const {
    const auto rules = this->rules();
    const Actor actor = actor_of(*rules, question.forwarder);
    if (actor.is_admin) return as_admin(actor);
    return decide(*rules, {.role = Role::kAdopter,
                           .identity = actor.identity,
                           .groups = actor.groups,
                           .host = question.origin_host,
                           .process = question.subject});
}

bool Policy::is_same(std::string_view one, std::string_view other) const {
    if (one == other) return true;
    const auto rules = this->rules();
    return canonical_identity(*rules, one) == canonical_identity(*rules, other);
}

Reading Policy::may_read(const lb::v1::Identity& reader, const ReadQuestion& question) const {
    const auto rules = this->rules();
    if (reader.kind() == lb::v1::IDENTITY_KIND_TOKEN && tokens_ != nullptr) {
        const auto token = tokens_->find(reader.name(), env::posix_env().now_us());
        if (token.ok() && token->may_read && is_of_token(*token, {}, question.process))
            return {View::kFull, "allowed by its token"};
    }
    return read_by_rules(*rules, actor_of(*rules, reader), question);
}

std::optional<Reach> Policy::reach(const lb::v1::Identity& asker) const {
    const auto rules = this->rules();
    auto reach = reach_by_rules(*rules, actor_of(*rules, asker));
    if (!reach || asker.kind() != lb::v1::IDENTITY_KIND_TOKEN || tokens_ == nullptr) return reach;
    const auto token = tokens_->find(asker.name(), env::posix_env().now_us());
    if (token.ok() && token->may_read) reach->names = {token->name, token->process};
    return reach;
}

bool Policy::may_count_all(const lb::v1::Identity& asker) const {
    return covers_all(Role::kReader, asker) || covers_all(Role::kStatistician, asker);
}

bool Policy::covers_all(Role role, const lb::v1::Identity& identity) const {
    const auto rules = this->rules();
    const Actor actor = actor_of(*rules, identity);
    if (actor.is_admin) return true;
    RuleSet general;
    for (const Rule& rule : rules->rules) {
        const bool is_meant =
            std::find(rule.roles.begin(), rule.roles.end(), role) != rule.roles.end();
        if (is_meant && rule.is_deny) return false;
        if (is_meant && rule.processes.empty()) general.rules.push_back(rule);
    }
    return judge(general, {.role = role, .identity = actor.identity, .groups = actor.groups})
        .is_allowed;
}

Decision Policy::may_issue_token(const lb::v1::Identity& issuer, const ReadQuestion& question,
                                 std::uint64_t sources) const {
    constexpr std::uint64_t kOwnersToGive = bit_of(event::Source::kVmSystem) |
                                            bit_of(event::Source::kApplication) |
                                            bit_of(event::Source::kUserInterface);
    const auto rules = this->rules();
    const Actor actor = actor_of(*rules, issuer);
    if (actor.is_admin) return as_admin(actor);
    if (issuer.kind() == lb::v1::IDENTITY_KIND_TOKEN ||
        !is_registrant(*rules, actor, question.registrant))
        return {false, fmt::format("{} may not issue tokens for {}: only who registered it, or an "
                                   "administrator",
                                   actor.identity, question.process)};
    if ((sources & ~kOwnersToGive) != 0)
        return {false, fmt::format("{} may issue tokens for the sources {} only", actor.identity,
                                   fmt::join(names_of_sources(kOwnersToGive), ", "))};
    return {true, "allowed to whoever registered the process"};
}

Decision Policy::may_administer(const lb::v1::Identity& identity) const {
    return may(Role::kAdmin, identity, {});
}

Decision Policy::may(Role role, const lb::v1::Identity& identity, std::string_view process,
                     std::string_view host) const {
    const auto rules = this->rules();
    const Actor actor = actor_of(*rules, identity);
    // An administrator may do everything but forward: that is a matter of hosts, not of persons.
    if (actor.is_admin && role != Role::kForwarder) return as_admin(actor);
    return decide(*rules, {.role = role,
                           .identity = actor.identity,
                           .groups = actor.groups,
                           .host = host,
                           .vouched_kind = "uid",
                           .process = process});
}

}  // namespace lb::authz
