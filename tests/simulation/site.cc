#include "tests/simulation/site.h"

#include <catch2/catch.hpp>

#include "bkserver/book/rebuild.h"
#include "bkserver/state/engine.h"
#include "common/base/encoding.h"
#include "common/event/event_id.h"
#include "tests/support/event_builder.h"
#include "tests/unit/bkserver_book/desk.h"

namespace lb::test {

namespace {

constexpr std::size_t kHostsMost = 3;
constexpr std::size_t kProcessesMost = 5;
constexpr std::uint64_t kTroubleUs = 40 * kSecondUs;  // so long things happen and go wrong
constexpr std::uint64_t kCalmSecondsMost = 600;       // then all must be settled
constexpr double kBeginSeconds = -217'684'800;        // of the hosts' clocks, after kNoon
constexpr std::uint32_t kPage = 1000;
constexpr event::Source kForbiddenSource = event::Source::kLrms;
constexpr std::string_view kExplained[] = {"state", "vm_state"};

std::unique_ptr<book::Policy> policy_for(Bug bug) {
    auto policy = std::make_unique<TestPolicy>();
    if (bug != Bug::kPolicyAllowsAll) policy->forbidden_source = kForbiddenSource;
    return policy;
}

// As producers make them: an id that nothing derives.
std::string fresh_event_id(const std::string& text) {
    constexpr std::size_t kVersionByte = 6;
    std::string id = event::event_id_of_text(text);
    id[kVersionByte] = static_cast<char>((id[kVersionByte] & 0x0f) | 0x70);
    return id;
}

template <typename T>
T must(Result<T> result) {
    if (!result.ok()) FAIL(result.error().text);
    return std::move(result).value();
}

}  // namespace

SimSite::SimSite(std::uint64_t seed, Bug bug, store::Database& database)
    : seed_(seed),
      world_(seed, bug),
      database_(database),
      policy_(policy_for(bug)),
      server_(world_, database, *policy_),
      network_(world_, server_) {
    const std::size_t hosts = 1 + world_.below(kHostsMost);
    for (std::size_t i = 0; i < hosts; ++i)
        hosts_.push_back(std::make_unique<SimHost>(
            world_, network_, "node" + std::to_string(i) + ".example.org", seed * kHostsMost + i));
    const std::size_t processes = 1 + world_.below(kProcessesMost);
    for (std::size_t i = 0; i < processes; ++i)
        processes_.push_back("https://" + std::string(kSimService) + "/bug" +
                             std::to_string(static_cast<int>(bug)) + "seed" + std::to_string(seed) +
                             "process" + std::to_string(i));
    const auto reader = must(database_.open_reader());
    for (;;) {
        const auto letters = must(reader->list_dead_letters(first_dead_letter_, kPage));
        if (letters.empty()) break;
        first_dead_letter_ = letters.back().number;
    }
}

SimSite::~SimSite() = default;

// What happens.

void SimSite::plan_events() {
    const std::size_t count = 20 + world_.below(80);
    for (std::size_t i = 0; i < count; ++i) plan_event(i, world_.below(kTroubleUs));
}

void SimSite::plan_event(std::size_t number, std::uint64_t at_us) {
    using E = event::EventType;
    const std::string& process = processes_[world_.below(processes_.size())];
    const bool is_registration = number < processes_.size();
    constexpr E kTypes[] = {E::kVMBoot, E::kVMRunning, E::kVMStop};
    const Kind kind = is_registration        ? Kind::kPlain
                      : world_.is_chance(12) ? Kind::kForbidden
                      : world_.is_chance(20) ? Kind::kTwin
                                             : Kind::kPlain;
    const std::string id = process + "event" + std::to_string(number);
    for (int twin = 0; twin < (kind == Kind::kTwin ? 2 : 1); ++twin) {
        SimHost& host = *hosts_[world_.below(hosts_.size())];
        EventBuilder built(is_registration ? E::kRegJob : kTypes[world_.below(std::size(kTypes))],
                           is_registration            ? event::Source::kUserInterface
                           : kind == Kind::kForbidden ? kForbiddenSource
                                                      : event::Source::kVmManager,
                           is_registration ? processes_[number] : process);
        built.at(kBeginSeconds + static_cast<double>(at_us) / 1e6).host(host.name());
        if (is_registration) built.field("jobtype", "VIRTUAL_MACHINE").field("ns", "-");
        if (!is_registration) built.field("hostname", host.name() + std::to_string(twin));
        const auto envelope = built.envelope();
        Known known;
        known.event = {envelope.subject(), fresh_event_id(id), envelope.event(),
                       world_.is_chance(5)};
        known.kind = kind;
        auto& same = known_[known.event.event_id];
        same.push_back(known);
        world_.after(at_us + world_.below(kSecondUs), [this, &host, event = known.event, twin] {
            host.log(event, [this, id = event.event_id, twin] {
                known_[id][static_cast<std::size_t>(twin)].is_acknowledged = true;
            });
        });
    }
}

void SimSite::plan_trouble(std::uint64_t at_us) {
    if (at_us >= kTroubleUs) return;
    world_.after(at_us, [this] { make_trouble(); });
    plan_trouble(at_us + world_.below(8 * kSecondUs));
}

void SimSite::make_trouble() {
    SimHost& host = *hosts_[world_.below(hosts_.size())];
    switch (world_.below(10)) {
        case 0:
        case 1:
            network_.cut(host.name());
            return world_.after(world_.below(20 * kSecondUs),
                                [this, &host] { network_.heal(host.name()); });
        case 2:
            return network_.break_connections(host.name());
        case 3:
            server_.kill();
            return world_.after(world_.below(10 * kSecondUs), [this] {
                if (!server_.is_up()) server_.start();
            });
        case 4:
            return host.kill_logd();
        case 5:
            return host.kill_interlogd();
        case 6: {
            constexpr Loss kLosses[] = {Loss::kAll, Loss::kSome, Loss::kNone};
            return host.lose_power(kLosses[world_.below(std::size(kLosses))]);
        }
        case 7:
            return host.jump_clock((static_cast<std::int64_t>(world_.below(7200)) - 3600) *
                                   static_cast<std::int64_t>(kSecondUs));
        default:
            host.have_trouble();
            return world_.after(world_.below(10 * kSecondUs), [&host] { host.end_trouble(); });
    }
}

void SimSite::calm_down() {
    world_.is_calm = true;
    for (const auto& host : hosts_) {
        network_.heal(host->name());
        host->end_trouble();
    }
    if (!server_.is_up()) server_.start();
}

bool SimSite::is_done() {
    for (const auto& [id, events] : known_)
        for (const Known& known : events)
            if (!known.is_acknowledged) return false;
    for (const auto& host : hosts_)
        if (!host->is_empty()) return false;
    return true;
}

std::optional<std::string> SimSite::run() {
    plan_events();
    plan_trouble(world_.below(5 * kSecondUs));
    for (std::uint64_t second = 0; second < kTroubleUs / kSecondUs; ++second) {
        world_.pass(kSecondUs);
        server_.tick();
    }
    calm_down();
    for (std::uint64_t second = 0; !is_done(); ++second) {
        if (second == kCalmSecondsMost)
            return "the stream is dammed: not all is settled " + std::to_string(second) +
                   " s after the last trouble";
        world_.pass(kSecondUs);
        if (!server_.is_up()) server_.start();
        server_.tick();
    }
    return check();
}

// What must hold.

std::optional<std::string> SimSite::check() {
    for (const auto& host : hosts_)
        if (host->complaint()) return host->complaint();
    if (auto wrong = collect_stored()) return wrong;
    if (auto wrong = collect_dead_letters()) return wrong;
    for (const auto& [id, events] : known_)
        for (const Known& known : events)
            if (auto wrong = check_event(known)) return wrong;
    for (const auto& host : hosts_)
        for (const spool::SettledEvent& told : host->told())
            if ((told.verdict == lb::v1::VERDICT_ACCEPTED) && !stored_ids_.contains(told.event_id))
                return "a producer was told \"accepted\" of an event that is not stored";
    for (const std::string& process : processes_)
        if (auto wrong = check_process(process)) return wrong;
    return std::nullopt;
}

std::optional<std::string> SimSite::collect_stored() {
    const auto reader = must(database_.open_reader());
    for (const std::string& id : processes_) {
        const auto process = must(reader->find_process(id));
        if (!process) continue;
        std::string cursor;
        do {
            const auto page = must(reader->read_history(process->number, cursor, kPage));
            cursor = page.cursor;
            for (const store::Event& event : page.events) {
                const auto known = known_.find(event.event_id);
                if (known == known_.end()) return "an event was invented in " + id;
                if (!stored_ids_.insert(event.event_id).second)
                    return "an event is stored twice in " + id;
                lb::v1::Envelope envelope;
                REQUIRE(envelope.ParseFromString(event.envelope));
                std::size_t same = 0;
                for (Known& one : known->second)
                    if (one.event.event == envelope.event()) {
                        ++one.stored;
                        ++same;
                    }
                if (same == 0) return "an event was changed on its way to " + id;
            }
        } while (!cursor.empty());
    }
    return std::nullopt;
}

std::optional<std::string> SimSite::collect_dead_letters() {
    const auto reader = must(database_.open_reader());
    for (std::uint64_t after = first_dead_letter_;;) {
        const auto letters = must(reader->list_dead_letters(after, kPage));
        if (letters.empty()) return std::nullopt;
        for (const store::DeadLetter& row : letters) {
            after = row.number;
            const auto letter = must(reader->get_dead_letter(row.number));
            lb::v1::Envelope envelope;
            if (!letter || !envelope.ParseFromString(letter->envelope))
                return "a dead letter does not parse: " + row.reason;
            const auto known = known_.find(envelope.event_id());
            if (known == known_.end()) return "a dead letter was invented: " + row.reason;
            for (Known& one : known->second)
                if (one.event.event == envelope.event()) ++one.dead;
        }
    }
}

std::optional<std::string> SimSite::check_event(const Known& known) const {
    const std::string name = "event " + to_hex(known.event.event_id) + " of " + known.event.process;
    switch (known.kind) {
        case Kind::kPlain:
            if (known.stored == 0 && known.dead == 0) return name + " was acknowledged and is lost";
            if (known.dead > 0) return name + " became a dead letter";
            return std::nullopt;
        case Kind::kForbidden:
            if (known.stored > 0) return name + " was stored, and its source may not log";
            if (known.dead == 0) return name + " was acknowledged and is lost, not refused";
            return std::nullopt;
        case Kind::kTwin:
            if (known.stored == 0 && known.dead == 0)
                return name + ", a twin, was acknowledged and is lost";
            return std::nullopt;
    }
    return std::nullopt;
}

std::optional<std::string> SimSite::check_process(const std::string& id) {
    const auto reader = must(database_.open_reader());
    const auto process = must(reader->find_process(id));
    if (!process) return "there is no " + id;
    const auto rebuilt = must(book::rebuild_process(database_, id, {.compare_only = true}));
    if (rebuilt.is_different) return "a rebuild of " + id + " differs: " + rebuilt.difference;
    const auto registers = must(state::Registers::decode(process->registers));
    for (const std::string_view attribute : kExplained) {
        const auto explained = state::explain(registers, attribute);
        if (!explained.ok()) continue;
        if (explained->decided_by && !stored_ids_.contains(explained->decided_by->event_id))
            return id + ": " + std::string(attribute) +
                   " is decided by an event nobody can be shown";
        for (const state::ClaimView& claim : explained->overruled)
            if (!stored_ids_.contains(claim.event_id))
                return id + ": " + std::string(attribute) +
                       " overruled an event that is not stored";
    }
    return std::nullopt;
}

}  // namespace lb::test
