#include "bkserver/book/settlement.h"

#include <charconv>

#include "bkserver/state/engine.h"
#include "bkserver/state/parent_limits.h"
#include "common/base/limits.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/field_text.h"
#include "common/event/identity.h"
#include "common/event/order_key.h"
#include "common/event/table.h"

namespace lb::book {

namespace {

constexpr char kTooManyWait[] = "too many events wait for the registration of this process";

// The key that a Bind names; nothing for all else, or when it is none.
std::string bound_key_text(const Candidate& candidate) {
    if (candidate.accepted.event.type != kBinding) return {};
    const auto key = event::Key::parse(candidate.accepted.event.text("key"));
    return key.ok() ? key->to_string() : std::string();
}

std::uint32_t type_of(const event::Key& key) {
    return static_cast<std::uint32_t>(event::process_type_of_key(key.type));
}

bool is_id(std::string_view subject_text) {
    return subject_text.starts_with("https://");
}

// The id under which a process of this subject would be adopted; empty for subjects that imply no
// machine.
std::string adopted_id_text(const Candidate& candidate, const std::string& service) {
    const auto* key = std::get_if<event::Key>(&candidate.subject);
    if (key == nullptr || type_of(*key) == 0) return {};
    const auto id = event::ProcessId::of_key(service, *key);
    return id.ok() ? id->to_string() : std::string();
}

std::string canonical_subject(const std::string& text) {
    const auto subject = event::parse_subject(text);
    return subject.ok() ? canonical_text(*subject) : text;
}

PolicyQuestion question_of(const Candidate& candidate, std::string_view registrant,
                           std::string_view process) {
    return {candidate.forwarder,
            candidate.accepted.identity,
            candidate.accepted.envelope.acceptance().host(),
            candidate.subject_text,
            candidate.accepted.event,
            registrant,
            process,
            nullptr};
}

std::uint32_t number_in(std::string_view text) {
    std::uint32_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// The original's EXCL: whoever registers wants to be the first. What was imported was so once.
bool is_exclusive(const event::AcceptedEvent& accepted) {
    constexpr std::uint32_t kExclusive = 64;
    const bool is_import = accepted.identity.kind() == lb::v1::IDENTITY_KIND_IMPORT;
    return (accepted.event.priority & kExclusive) != 0 && !is_import;
}

// The process that the event makes the parent of its own; empty: none.
std::string_view parent_in(const event::Event& event) {
    if (event.type == kRegistration) return event.text("parent");
    constexpr auto kJoin = static_cast<std::uint16_t>(event::EventType::kClusterJoin);
    return event.type == kJoin ? event.text("cluster") : std::string_view();
}

// Whom a registration makes the owner.
std::string registrant_of(const Candidate& candidate) {
    return event::owner_of_registration(candidate.accepted.event.user,
                                        event::owner_text(candidate.accepted.identity));
}

bool is_full_of_waiting(const Entry& entry) {
    return !entry.opened.is_frozen && entry.opened.registers.type == 0 &&
           entry.opened.row.waiting >= limits::kWaitingEventsMax;
}

// A guest that was heard may be one that should not be, once the grace time is over; from then on
// the view itself says when to look again.
std::vector<store::Due> due_after(std::span<const store::Heartbeat> heartbeats) {
    std::vector<store::Due> due;
    for (const store::Heartbeat& heartbeat : heartbeats)
        if (heartbeat.reporter.starts_with("VMSystem"))
            due.push_back({heartbeat.process, heartbeat.time_us + state::ViewInput().grace_us});
    return due;
}

}  // namespace

bool is_same_event(const lb::v1::Envelope& one, const lb::v1::Envelope& other) {
    if (canonical_subject(one.subject()) != canonical_subject(other.subject())) return false;
    if (one.event() == other.event()) return true;
    if (!event::is_derived_event_id(one.event_id())) return false;
    const auto first = event::decode(one.event());
    const auto second = event::decode(other.event());
    return first.ok() && second.ok() && first->type == second->type;
}

Status Settlement::run(std::span<Candidate> candidates, std::int64_t now_us) {
    now_us_ = now_us;
    LB_TRY(writer_.begin());
    LB_TRY(settle_known(candidates));
    LB_TRY(load(candidates));
    for (Candidate& candidate : candidates)
        if (!candidate.is_settled()) LB_TRY(decide(candidate));
    LB_TRY(write(candidates, now_us));
    LB_TRY(writer_.commit());
    working_.remember();
    return {};
}

// Events that are stored already.
Status Settlement::settle_known(std::span<Candidate> candidates) {
    std::vector<std::string> ids;
    for (const Candidate& candidate : candidates)
        if (!candidate.is_settled()) ids.push_back(candidate.accepted.envelope.event_id());
    LB_TRY_ASSIGN(const std::vector<store::Event> stored, writer_.find_events(ids));
    if (stored.empty()) return {};
    std::unordered_map<std::string_view, const store::Event*> by_id;
    for (const store::Event& event : stored) by_id[event.event_id] = &event;
    for (Candidate& candidate : candidates) {
        if (candidate.is_settled()) continue;
        const auto known = by_id.find(candidate.accepted.envelope.event_id());
        if (known == by_id.end()) continue;
        lb::v1::Envelope envelope;
        if (!envelope.ParseFromString(known->second->envelope))
            return Error{ErrorCode::kCorrupt, "stored envelope does not parse"};
        if (is_same_event(candidate.accepted.envelope, envelope))
            candidate.settle(lb::v1::VERDICT_DUPLICATE);
        else
            candidate.settle(lb::v1::VERDICT_CONFLICT,
                             "another event of the same id is stored, for " + envelope.subject());
    }
    return {};
}

Status Settlement::load(std::span<Candidate> candidates) {
    std::vector<std::string> texts;
    for (const Candidate& candidate : candidates) {
        if (candidate.is_settled()) continue;
        texts.push_back(candidate.subject_text);
        if (std::string key = bound_key_text(candidate); !key.empty())
            texts.push_back(std::move(key));
    }
    LB_TRY(working_.load(texts));
    // Keys that nobody owns may belong to a process that is registered under the id they imply.
    std::vector<std::string> ids;
    for (const Candidate& candidate : candidates) {
        if (candidate.is_settled() || working_.find(candidate.subject_text) != nullptr) continue;
        if (std::string id = adopted_id_text(candidate, options_.service); !id.empty())
            ids.push_back(std::move(id));
    }
    return working_.load(ids);
}

// The same id earlier in this batch.
bool Settlement::settle_twin(Candidate& candidate) {
    const auto [place, is_first] =
        first_of_id_.try_emplace(candidate.accepted.envelope.event_id(), &candidate);
    if (is_first) return false;
    const Candidate& first = *place->second;
    if (first.is_dead())
        candidate.settled = first.settled;
    else if (is_same_event(candidate.accepted.envelope, first.accepted.envelope))
        candidate.settle(lb::v1::VERDICT_DUPLICATE);
    else
        candidate.settle(lb::v1::VERDICT_CONFLICT,
                         "another event of the same id came before it, for " +
                             first.accepted.envelope.subject());
    return true;
}

Status Settlement::decide(Candidate& candidate) {
    if (settle_twin(candidate)) return {};
    if (const auto* id = std::get_if<event::ProcessId>(&candidate.subject);
        id != nullptr && !options_.service.empty() && id->service() != options_.service) {
        candidate.settle(lb::v1::VERDICT_DENIED, "the process belongs to " + id->service() +
                                                     ", this server keeps those of " +
                                                     options_.service);
        return {};
    }
    LB_TRY_ASSIGN(Entry * entry, owner_of(candidate));
    LB_TRY_ASSIGN(const bool allowed, is_allowed(candidate, entry));
    if (!allowed) return {};
    LB_TRY(refuse_unfit(candidate, entry));
    if (candidate.is_settled()) return {};
    LB_TRY_ASSIGN(entry, found_process(candidate, entry));
    if (candidate.accepted.event.type == kRegistration) take_registration(candidate, *entry);
    if (candidate.accepted.event.type == kBinding) LB_TRY(take_binding(candidate, *entry));
    if (candidate.accepted.event.type == kHeartbeat) {
        take_heartbeat(candidate, *entry);
        return {};
    }
    LB_TRY(store_event(candidate, *entry));
    return mirror(candidate, *entry);
}

// Who answers for the subject: nobody, or a process. A key whose process is registered under the id
// that the key implies becomes a name of it here.
Result<Entry*> Settlement::owner_of(Candidate& candidate) {
    Entry* const entry = working_.find(candidate.subject_text);
    if (entry != nullptr && entry->opened.row.type != 0) return entry;
    const std::string id = adopted_id_text(candidate, options_.service);
    if (id.empty()) return entry;
    LB_TRY_ASSIGN(Entry* const owner, working_.look_up(id));
    if (owner == nullptr || owner == entry) return entry;
    if (entry != nullptr)
        LB_TRY(working_.merge(*entry, *owner));
    else
        LB_TRY(working_.bind(candidate.subject_text, *owner));
    return owner;
}

Result<bool> Settlement::is_allowed(Candidate& candidate, const Entry* entry) {
    const std::string_view registrant =
        entry == nullptr ? std::string_view{} : entry->opened.row.registrant;
    const std::string process =
        entry == nullptr ? adopted_id_text(candidate, options_.service) : entry->opened.row.id;
    PolicyQuestion question = question_of(candidate, registrant, process);
    const state::Access access =
        entry == nullptr ? state::Access{} : state::access_of(entry->opened.registers);
    question.access = &access;
    const Decision decision = policy_.may_log(question);
    if (decision.is_allowed) return true;
    candidate.settle(lb::v1::VERDICT_DENIED, decision.reason);
    return false;
}

// The process of an event that is allowed: created, adopted or given its id if need be.
Result<Entry*> Settlement::found_process(Candidate& candidate, Entry* entry) {
    const bool is_owned = entry != nullptr && entry->opened.row.type != 0;
    const auto* key = std::get_if<event::Key>(&candidate.subject);
    if (is_owned || key == nullptr) {
        if (entry != nullptr) return entry;
        return working_.create(candidate.subject_text, 0);
    }
    const std::uint32_t implied = type_of(*key);
    const bool is_adopted =
        implied != 0 && policy_.may_adopt(question_of(candidate, {}, {})).is_allowed;
    if (entry != nullptr && is_id(entry->opened.row.id)) {
        if (is_adopted) LB_TRY(working_.adopt(*entry));
        return entry;
    }
    if (!is_adopted && candidate.accepted.event.type != kRegistration) {
        if (entry != nullptr) return entry;
        return working_.create(candidate.subject_text, 0);
    }
    LB_TRY_ASSIGN(const event::ProcessId id, event::ProcessId::of_key(options_.service, *key));
    LB_TRY_ASSIGN(Entry* const owner, working_.create(id.to_string(), is_adopted ? implied : 0));
    if (entry != nullptr)
        LB_TRY(working_.merge(*entry, *owner));
    else
        LB_TRY(working_.bind(candidate.subject_text, *owner));
    return owner;
}

// A child moves its parent, which has an owner of its own. A parent that nobody registered yet has
// none to ask.
Status Settlement::refuse_child(Candidate& candidate, const Entry* entry) {
    const auto subject = event::parse_subject(parent_in(candidate.accepted.event));
    if (!subject.ok()) return {};
    const std::string text = canonical_text(*subject);
    LB_TRY_ASSIGN(const Entry* const parent, working_.look_up(text));
    if (parent == nullptr || parent == entry || parent->opened.row.registrant.empty()) return {};
    PolicyQuestion question =
        question_of(candidate, parent->opened.row.registrant, parent->opened.row.id);
    const state::Access access = state::access_of(parent->opened.registers);
    question.subject = text;
    question.access = &access;
    const Decision decision = policy_.may_add_child(question);
    if (!decision.is_allowed)
        candidate.settle(lb::v1::VERDICT_DENIED, "as a child of " + text + ": " + decision.reason);
    return {};
}

// Settles what the process cannot take, before anything of it is changed. `entry`: nullptr while it
// is not known.
Status Settlement::refuse_unfit(Candidate& candidate, const Entry* entry) {
    LB_TRY(refuse_child(candidate, entry));
    if (candidate.is_settled()) return {};
    if (candidate.accepted.event.type == kRegistration) refuse_registration(candidate, entry);
    if (candidate.accepted.event.type == kBinding) return refuse_binding(candidate, entry);
    return {};
}

// The first accepted registration owns and says what the process is; its owner may repeat it. A
// child that its parent planned is the parent's owner's, who may still say what it is.
void Settlement::refuse_registration(Candidate& candidate, const Entry* entry) {
    const auto brood = state::brood_of(candidate.accepted.event);
    if (brood && brood->count > limits::kChildrenPlannedMax) {
        candidate.settle(lb::v1::VERDICT_DENIED,
                         "the registration plans " + std::to_string(brood->count) +
                             " children; more than " + std::to_string(limits::kChildrenPlannedMax) +
                             " are refused");
        return;
    }
    if (entry == nullptr || entry->opened.row.registrant.empty()) return;
    const store::Process& row = entry->opened.row;
    const std::string_view job_type = candidate.accepted.event.text("jobtype");
    if (is_exclusive(candidate.accepted))
        candidate.settle(lb::v1::VERDICT_DENIED,
                         "the process exists, and this registration must be the first: take "
                         "another id, or register without --exclusive");
    else if (!policy_.is_same(row.registrant, registrant_of(candidate)))
        candidate.settle(lb::v1::VERDICT_DENIED, "the process is registered by somebody else");
    else if (row.type != 0 && state::process_type_from_word(job_type) != row.type &&
             (entry->opened.is_frozen || state::has_own_registration(entry->opened.registers)))
        candidate.settle(lb::v1::VERDICT_DENIED,
                         "the process is registered as " +
                             std::string(state::process_type_word(row.type)) + ", not as " +
                             std::string(job_type));
}

Status Settlement::refuse_binding(Candidate& candidate, const Entry* entry) {
    const std::string key = bound_key_text(candidate);
    if (key.empty()) {
        candidate.settle(
            lb::v1::VERDICT_MALFORMED,
            "Bind: no key type:scope/value: " + std::string(candidate.accepted.event.text("key")));
        return {};
    }
    LB_TRY_ASSIGN(const Entry* const holder, working_.look_up(key));
    if (holder != nullptr && holder != entry && !holder->opened.row.registrant.empty())
        candidate.settle(lb::v1::VERDICT_DENIED,
                         "key " + key + " belongs to " + holder->opened.row.id);
    else if ((holder == nullptr || holder->opened.row.type == 0) && entry != nullptr &&
             is_full_of_waiting(*entry))
        candidate.settle(lb::v1::VERDICT_DENIED, kTooManyWait);
    return {};
}

void Settlement::take_registration(const Candidate& candidate, Entry& entry) {
    store::Process& row = entry.opened.row;
    if (!row.registrant.empty()) return;
    row.registrant = registrant_of(candidate);
    entry.must_save = true;
}

Status Settlement::take_binding(const Candidate& candidate, Entry& entry) {
    const std::string key = bound_key_text(candidate);
    LB_TRY_ASSIGN(Entry* const holder, working_.look_up(key));
    if (holder == &entry) return {};
    if (holder != nullptr) return working_.merge(*holder, entry);
    LB_TRY(working_.bind(key, entry));
    return {};
}

void Settlement::take_heartbeat(Candidate& candidate, Entry& entry) {
    const event::Event& event = candidate.accepted.event;
    std::string reporter = event::text_of(event.source);
    if (!event.host.empty()) reporter += "/" + event.host;
    heartbeats_.push_back({entry.opened.row.number, std::move(reporter),
                           event::order_time_us(event, candidate.accepted.arrival()),
                           candidate.arrived->arrived_us, number_in(event.text("uptime_s"))});
    entry.must_save = entry.must_save || !entry.opened.row.has_heartbeats;
    entry.opened.row.has_heartbeats = true;
    candidate.settle(lb::v1::VERDICT_ACCEPTED);
}

Status Settlement::store_event(Candidate& candidate, Entry& entry) {
    store::Process& row = entry.opened.row;
    candidate.subject_number = working_.number_of(candidate.subject_text);
    LB_TRY_ASSIGN(candidate.arrival, writer_.take_arrival_numbers(1));
    entry.last_arrival = candidate.arrival;
    candidate.settle(event::find_type(candidate.accepted.event.type) == nullptr
                         ? lb::v1::VERDICT_UNKNOWN_TYPE
                         : lb::v1::VERDICT_ACCEPTED);
    entry.pending.push_back(&candidate);
    candidate.settled.process = row.number;
    if (entry.opened.is_frozen) {
        entry.must_save = entry.must_save || !row.not_understood;
        row.not_understood = true;
        return {};
    }
    entry.is_touched = true;
    switch (state::apply(entry.opened.registers, candidate.accepted.event,
                         candidate.accepted.arrival())) {
        case state::Outcome::kApplied:
        case state::Outcome::kNoted:
        case state::Outcome::kNotUnderstood:
            break;
        case state::Outcome::kTypeChanged:
            LB_TRY(working_.refold(entry));
            break;
        case state::Outcome::kWaiting:
            if (is_full_of_waiting(entry)) {
                entry.pending.pop_back();
                candidate.settle(lb::v1::VERDICT_DENIED, kTooManyWait);
                return {};
            }
            ++row.waiting;
            entry.must_save = true;
            candidate.settled.verdict = lb::v1::VERDICT_UNREGISTERED;
            break;
    }
    return plan_children(candidate, entry);
}

Status Settlement::plan_children(const Candidate& candidate, const Entry& entry) {
    const auto brood = state::brood_of(candidate.accepted.event);
    if (!brood) return {};
    auto parent = planning_id(candidate.subject, options_.service);
    if (!parent) return {};
    parent->info.clear();
    const Embryo embryo{candidate.accepted, candidate.arrival, parent->to_string()};
    BroodPlanner planner(writer_, policy_, working_, plan_keys_, now_us_);
    return planner.plan(*brood, embryo, *parent, entry.opened.row);
}

// A relation is told at one end and known at both: the other end, if it is of this server, gets an
// event of the server, whose id follows from the one that tells it.
Status Settlement::mirror(const Candidate& candidate, const Entry& entry) {
    const auto mirror = state::mirror_of(candidate.accepted.event, entry.opened.row.id);
    if (!mirror || !candidate.is_stored()) return {};
    const auto other = event::parse_subject(mirror->process);
    if (!other.ok()) return {};
    const auto* id = std::get_if<event::ProcessId>(&*other);
    if (id != nullptr && !options_.service.empty() && id->service() != options_.service) return {};
    lb::v1::Envelope envelope = candidate.accepted.envelope;
    envelope.set_event_id(event::event_id_of_source("mirror", envelope.event_id()));
    envelope.set_subject(canonical_text(*other));
    envelope.set_event(event::encode(mirror->event));
    // A dump that is loaded brings it as well, before or after the event that it mirrors.
    LB_TRY_ASSIGN(const auto known, writer_.find_events(std::span(&envelope.event_id(), 1)));
    if (!known.empty() || first_of_id_.contains(envelope.event_id())) return {};
    mirrored_.push_back({envelope.SerializeAsString(), candidate.arrived->forwarder,
                         candidate.arrived->arrived_us});
    Candidate& told = mirrors_.emplace_back(take_in(mirrored_.back()));
    if (told.is_settled()) return {};
    first_of_id_.emplace(envelope.event_id(), &told);
    LB_TRY(working_.load(std::span(&told.subject_text, 1)));
    LB_TRY_ASSIGN(Entry * end, owner_of(told));
    if (end == nullptr) {
        LB_TRY_ASSIGN(end, working_.create(told.subject_text, 0));
    }
    return store_event(told, *end);
}

Status Settlement::write(std::span<Candidate> candidates, std::int64_t now_us) {
    LB_TRY(write_events(candidates));
    LB_TRY(working_.write(now_us));
    for (store::Heartbeat& beat : heartbeats_) beat.process = working_.survivor_of(beat.process);
    LB_TRY(writer_.put_heartbeats(heartbeats_));
    LB_TRY(writer_.put_due(due_after(heartbeats_)));
    std::vector<store::DeadLetter> letters;
    for (const Candidate& candidate : candidates)
        if (candidate.is_dead())
            letters.push_back({.arrived_us = candidate.arrived->arrived_us,
                               .verdict = candidate.settled.verdict,
                               .reason = candidate.settled.reason,
                               .forwarder = candidate.arrived->forwarder,
                               .envelope = candidate.arrived->envelope});
    return writer_.add_dead_letters(letters);
}

Status Settlement::write_events(std::span<Candidate> candidates) {
    std::vector<store::Event> events;
    for (const Candidate& candidate : candidates)
        if (candidate.is_stored()) events.push_back(event_of(candidate));
    for (const Candidate& candidate : mirrors_)
        if (candidate.is_stored()) events.push_back(event_of(candidate));
    return writer_.add_events(events);
}

store::Event Settlement::event_of(const Candidate& candidate) {
    const Entry* const entry = working_.find(candidate.subject_text);
    const auto type =
        static_cast<event::ProcessType>(entry == nullptr ? 0 : entry->opened.registers.type);
    store::Event event;
    event.arrival = candidate.arrival;
    event.subject = candidate.subject_number;
    event.event_id = candidate.accepted.envelope.event_id();
    event.order_key = event::order_key(candidate.accepted.event, candidate.accepted.arrival(),
                                       event::clock_family_of(type));
    event.type = candidate.accepted.event.type;
    event.verdict = candidate.settled.verdict;
    event.forwarder = candidate.arrived->forwarder;
    event.arrived_us = candidate.arrived->arrived_us;
    event.envelope = candidate.arrived->envelope;
    return event;
}

}  // namespace lb::book
