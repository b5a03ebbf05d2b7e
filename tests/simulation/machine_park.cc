#include "tests/simulation/machine_park.h"

#include <algorithm>

namespace lb::test {

namespace {

using event::Source;

constexpr int kManager = -1;
constexpr double kDelayMost = 20;   // of a word
constexpr double kIdleLeast = 40;   // between two things that a machine does
constexpr double kHoldLeast = 150;  // of a disagreement: grace time, delay and a step
constexpr double kHoldMost = 400;
constexpr double kBeatSeconds = 60;   // between a guest's heartbeats
constexpr double kSilentLeast = 270;  // until a guest is missed: three of them, and a step
constexpr int kBegunPerStep = 12;
constexpr int kSilentHostsMost = 4;
// Hosts of the machines whose guests send heartbeats never fall silent: they would take them along.
constexpr int kHostsOfGuests = 5;
constexpr int kOneInHasGuest = 10;
constexpr int kOneInIsHeardTwice = 20;

}  // namespace

// clang-format off
const MachinePark::Deed MachinePark::kDeeds[] = {
    {"start",              30, &MachinePark::start},
    {"stop",               10, &MachinePark::stop},
    {"crash",               8, &MachinePark::crash},
    {"end",                 3, &MachinePark::end},
    {"pause",               6, &MachinePark::pause},
    {"migrate",            20, &MachinePark::migrate},
    {"cancelled migration", 8, &MachinePark::cancel_migration},
    {"lost",                3, &MachinePark::lose},
    {"stray",               3, &MachinePark::stray},
    {"misplaced",           3, &MachinePark::misplace},
    {"split",               3, &MachinePark::split},
    {"zombie",             12, &MachinePark::haunt},
    {"silent",              8, &MachinePark::silence_guest},
};
// clang-format on

MachinePark::MachinePark(std::string service, Size size, double begin, unsigned seed)
    : service_(std::move(service)),
      random_(seed),
      now_(begin),
      machines_(static_cast<std::size_t>(size.machines)) {
    for (int host = 0; host < size.hosts; ++host)
        hosts_.push_back({.name = "node" + std::to_string(host) + ".example.org"});
    for (Machine& machine : machines_) register_machine(machine);
}

void MachinePark::register_machine(Machine& machine) {
    machine = {};
    machine.id = "https://" + service_ + "/machine" + std::to_string(named_);
    machine.has_guest = named_++ % kOneInHasGuest == 0;
    machine.idle_from = now_ + kDelayMost;
    EventBuilder built(E::kRegJob, Source::kUserInterface, machine.id);
    built.field("jobtype", "VIRTUAL_MACHINE").field("ns", "-");
    say(kManager, built, now_);
}

void MachinePark::pass(bool is_calm) {
    now_ += kStepSeconds;
    while (!agenda_.empty() && agenda_.begin()->first <= now_) {
        const auto act = agenda_.extract(agenda_.begin());
        act.mapped()(act.key());
    }
    beat();
    if (is_calm) {
        for (Host& host : hosts_) host.is_closing = false;
        return;
    }
    for (int i = 0; i < kBegunPerStep; ++i) begin_something();
    close_hosts();
}

std::vector<book::Arrived> MachinePark::take_heard() {
    std::vector<book::Arrived> heard;
    const auto is_heard = [&](const Word& word) {
        return word.heard_at <= now_ &&
               (word.host == kManager || !hosts_[static_cast<std::size_t>(word.host)].is_silent);
    };
    for (const Word& word : unheard_)
        if (is_heard(word)) heard.push_back(word.event);
    std::erase_if(unheard_, is_heard);
    for (std::size_t i = 0, count = heard.size(); i < count; ++i)
        if (random_() % kOneInIsHeardTwice == 0) heard.push_back(heard[i]);
    std::shuffle(heard.begin(), heard.end(), random_);
    return heard;
}

std::vector<std::string> MachinePark::loggers_heard() const {
    std::vector<std::string> names;
    for (const Host& host : hosts_)
        if (!host.is_silent) names.push_back(host.name);
    return names;
}

bool MachinePark::is_at_rest() const {
    return agenda_.empty() &&
           std::all_of(unheard_.begin(), unheard_.end(), [](const Word& w) { return w.is_beat; }) &&
           std::none_of(hosts_.begin(), hosts_.end(), [](const Host& h) { return h.is_silent; });
}

std::vector<MachinePark::Truth> MachinePark::truth() const {
    std::vector<Truth> truth;
    for (const Machine& machine : machines_) {
        const int host = machine.host >= 0 ? machine.host : machine.placement;
        truth.push_back({machine.id, machine.state,
                         host < 0 ? std::string() : hosts_[static_cast<std::size_t>(host)].name});
    }
    return truth;
}

void MachinePark::replace_ended() {
    for (Machine& machine : machines_)
        if (machine.state == "done") register_machine(machine);
}

// ---- what begins

bool MachinePark::is_free(const Machine& machine) const {
    const auto is_open = [&](int host) {
        return host < 0 || !(hosts_[static_cast<std::size_t>(host)].is_closing ||
                             hosts_[static_cast<std::size_t>(host)].is_silent);
    };
    return machine.idle_from <= now_ && is_open(machine.host) && is_open(machine.placement);
}

void MachinePark::begin_something() {
    Machine& machine = machines_[random_() % machines_.size()];
    if (!is_free(machine)) return;
    int all = 0;
    for (const Deed& deed : kDeeds) all += deed.weight;
    int drawn = static_cast<int>(random_() % static_cast<unsigned>(all));
    for (const Deed& deed : kDeeds) {
        drawn -= deed.weight;
        if (drawn >= 0) continue;
        machine.idle_from = now_ + kIdleLeast;
        machine.involved = {machine.host};
        if ((this->*deed.begin)(machine, now_ + between(0, 4))) ++done_[std::string(deed.name)];
        return;
    }
}

bool MachinePark::start(Machine& machine, double at) {
    if (machine.host >= 0 && !machine.is_paused) return false;
    if (machine.state == "done") return false;
    if (machine.is_paused) {
        machine.is_paused = false;
        machine.state = "running";
        host_says(machine, machine.host, E::kVMRunning, at + 1);
        manager_says(machine, E::kVMRunning, at + 2, machine.host);
        return true;
    }
    const int host = other_host(machine);
    if (host < 0) return false;
    run_on(machine, host, at);
    if (machine.has_guest) {
        guest_says(machine, host, E::kVMRunning, at + 5);
        machine.state = "really-running";
        machine.beat_at = at + kBeatSeconds;
    }
    return true;
}

bool MachinePark::go_down(Machine& machine, double at, const Ending& ending) {
    if (machine.host < 0 || machine.is_paused || machine.has_guest) return false;
    host_says(machine, machine.host, E::kVMStop, at + 1, "reason", ending.reason);
    manager_says(machine, ending.managers_word, at + 2);
    machine.host = -1;
    machine.state = ending.state;
    return true;
}

bool MachinePark::stop(Machine& machine, double at) {
    return go_down(machine, at, {"shutdown", E::kVMStop, "stopped"});
}

bool MachinePark::crash(Machine& machine, double at) {
    return go_down(machine, at, {"crashed", E::kVMFail, "failure"});
}

bool MachinePark::end(Machine& machine, double at) {
    if (machine.state != "stopped" || machine.is_paused) return false;
    EventBuilder built(E::kVMDone, Source::kCloudManager, machine.id);
    built.field("status_code", "OK");
    say(kManager, built, at + 1);
    machine.state = "done";
    return true;
}

bool MachinePark::pause(Machine& machine, double at) {
    if (machine.host < 0 || machine.is_paused || machine.has_guest) return false;
    host_says(machine, machine.host, E::kVMSuspend, at + 1);
    manager_says(machine, E::kVMSuspend, at + 2);
    machine.is_paused = true;
    machine.state = "stopped";
    return true;
}

bool MachinePark::migrate(Machine& machine, double at) {
    const int host = other_host(machine);
    if (machine.host < 0 || machine.is_paused || host < 0) return false;
    receive(machine, host, at);
    host_says(machine, machine.host, E::kVMStop, at + 3, "reason", "migrated");
    host_says(machine, host, E::kVMMigrate, at + 3.5, "phase", "OK");
    machine.host = host;
    manager_says(machine, E::kVMRunning, at + 5, host);
    return true;
}

bool MachinePark::cancel_migration(Machine& machine, double at) {
    const int host = other_host(machine);
    if (machine.host < 0 || machine.is_paused || host < 0) return false;
    receive(machine, host, at);
    host_says(machine, host, E::kVMStop, at + 4, "reason", "destroyed");
    return true;
}

// ---- disagreements

// Its host destroys it, the manager does not notice.
bool MachinePark::lose(Machine& machine, double at) {
    if (machine.host < 0 || machine.is_paused || machine.has_guest) return false;
    host_says(machine, machine.host, E::kVMStop, at + 1, "reason", "destroyed");
    machine.host = -1;
    machine.state = "stopped";
    resolve_later(machine, "lost", at, kHoldLeast,
                  [this](Machine& one, double then) { manager_says(one, E::kVMStop, then); });
    return true;
}

// The manager believes that it has stopped it.
bool MachinePark::stray(Machine& machine, double at) {
    if (machine.host < 0 || machine.is_paused || machine.has_guest) return false;
    manager_says(machine, E::kVMStop, at + 1);
    machine.state = "stopped";
    resolve_later(machine, "stray", at, kHoldLeast, [this](Machine& one, double then) {
        host_says(one, one.host, E::kVMStop, then, "reason", "shutdown");
        one.host = -1;
    });
    return true;
}

// It migrates, and nobody tells the manager.
bool MachinePark::misplace(Machine& machine, double at) {
    const int host = other_host(machine);
    if (machine.host < 0 || machine.is_paused || host < 0) return false;
    receive(machine, host, at);
    host_says(machine, machine.host, E::kVMStop, at + 3, "reason", "migrated");
    host_says(machine, host, E::kVMMigrate, at + 3.5, "phase", "OK");
    machine.host = host;
    resolve_later(machine, "misplaced", at, kHoldLeast, [this](Machine& one, double then) {
        manager_says(one, E::kVMRunning, then, one.host);
    });
    return true;
}

// It is started elsewhere though its host still has it.
bool MachinePark::split(Machine& machine, double at) {
    const int host = other_host(machine);
    if (machine.host < 0 || machine.is_paused || machine.has_guest || host < 0) return false;
    const int first = machine.host;
    run_on(machine, host, at);
    host_says(machine, first, E::kVMHost, at + 4);
    resolve_later(machine, "split", at, kHoldLeast, [this, first](Machine& one, double then) {
        host_says(one, first, E::kVMStop, then, "reason", "destroyed");
    });
    return true;
}

// A guest speaks of which all say that it is stopped.
bool MachinePark::haunt(Machine& machine, double at) {
    if (machine.state != "stopped" || machine.is_paused || machine.host >= 0) return false;
    const int host = machine.placement;
    guest_says(machine, host, E::kVMRunning, at);
    resolve_later(machine, "zombie", at, kHoldLeast, [this, host](Machine& one, double then) {
        guest_says(one, host, E::kVMShutdown, then);
    });
    return true;
}

bool MachinePark::silence_guest(Machine& machine, double at) {
    if (!machine.has_beaten) return false;
    machine.is_guest_silent = true;
    resolve_later(machine, "silent", at, kSilentLeast, [](Machine& one, double then) {
        one.is_guest_silent = false;
        one.beat_at = then;
    });
    return true;
}

void MachinePark::resolve_later(Machine& machine, std::string_view name, double at, double hold,
                                std::function<void(Machine&, double)> act) {
    ++made_[{std::string(name), machine.id}];
    const double end = at + between(hold, hold + kHoldMost - kHoldLeast);
    machine.idle_from = end + kIdleLeast;
    const auto index = static_cast<std::size_t>(index_of(machine));
    later(end, [this, index, act = std::move(act)](double then) { act(machines_[index], then); });
}

// ---- hosts

void MachinePark::close_hosts() {
    int busy = 0;
    for (std::size_t i = kHostsOfGuests; i < hosts_.size(); ++i) {
        Host& host = hosts_[i];
        if (host.is_closing && may_fall_silent(static_cast<int>(i)))
            fall_silent(static_cast<int>(i));
        busy += host.is_closing || host.is_silent ? 1 : 0;
    }
    const std::size_t drawn = kHostsOfGuests + random_() % (hosts_.size() - kHostsOfGuests);
    if (busy < kSilentHostsMost && !hosts_[drawn].is_silent) hosts_[drawn].is_closing = true;
}

// Nothing is under way there, and nothing of it is unheard.
bool MachinePark::may_fall_silent(int host) const {
    const auto is_busy = [&](const Machine& machine) {
        const bool is_involved = machine.host == host || machine.placement == host ||
                                 std::find(machine.involved.begin(), machine.involved.end(),
                                           host) != machine.involved.end();
        return is_involved && machine.idle_from > now_;
    };
    return std::none_of(machines_.begin(), machines_.end(), is_busy) &&
           std::none_of(unheard_.begin(), unheard_.end(),
                        [&](const Word& word) { return word.host == host; });
}

void MachinePark::fall_silent(int host) {
    const double heard_again = now_ + between(kHoldLeast + kDelayMost, kHoldMost);
    hosts_[static_cast<std::size_t>(host)].is_closing = false;
    hosts_[static_cast<std::size_t>(host)].is_silent = true;
    if (random_() % 2 == 0)
        crash_unseen(host, now_ + 1, heard_again);
    else
        die(host, now_ + 1, heard_again);
    for (Machine& machine : machines_) {
        const int shown = machine.host >= 0 ? machine.host : machine.placement;
        if (shown != host || machine.state == "done") continue;
        ++made_[{"stale", machine.id}];
        machine.idle_from = std::max(machine.idle_from, heard_again + kIdleLeast);
    }
    later(heard_again,
          [this, host](double) { hosts_[static_cast<std::size_t>(host)].is_silent = false; });
}

// One of its machines crashes: the host tells when it is heard again, the manager notices later.
void MachinePark::crash_unseen(int host, double at, double heard_again) {
    ++done_["host silent"];
    for (Machine& machine : machines_) {
        if (machine.host != host || machine.is_paused) continue;
        host_says(machine, host, E::kVMStop, at, "reason", "crashed");
        machine.host = -1;
        machine.state = "failure";
        ++made_[{"lost", machine.id}];
        machine.idle_from = heard_again + 2 * kIdleLeast;
        const auto index = static_cast<std::size_t>(index_of(machine));
        later(heard_again + kIdleLeast,
              [this, index](double then) { manager_says(machines_[index], E::kVMFail, then); });
        return;
    }
}

// The manager starts its machines on other hosts; when it is back it has none of them.
void MachinePark::die(int host, double at, double heard_again) {
    ++done_["host dead"];
    for (Machine& machine : machines_) {
        if (machine.host != host) continue;
        const int other = other_host(machine);
        if (other < 0) continue;
        machine.idle_from = now_ + kIdleLeast;
        machine.is_paused = false;
        run_on(machine, other, at + between(5, 20));
        EventBuilder gone(E::kVMStop, Source::kVmManager, machine.id);
        say(host, gone.resync(), heard_again);
    }
}

// ---- words

void MachinePark::run_on(Machine& machine, int host, double at) {
    host_says(machine, host, E::kVMBoot, at);
    host_says(machine, host, E::kVMRunning, at + 1);
    manager_says(machine, E::kVMRunning, at + 3, host);
    machine.involved.push_back(host);
    machine.host = host;
    machine.state = "running";
}

void MachinePark::receive(Machine& machine, int host, double at) {
    host_says(machine, host, E::kVMMigrate, at, "phase", "START");
    host_says(machine, host, E::kVMBoot, at + 0.5);
    host_says(machine, host, E::kVMRunning, at + 1);
    machine.involved.push_back(host);
}

void MachinePark::host_says(const Machine& machine, int host, E type, double at,
                            std::string_view field, std::string_view value) {
    EventBuilder built(type, Source::kVmManager, machine.id);
    if (!field.empty()) built.field(field, std::string(value));
    if (type == E::kVMMigrate) built.field("to_host", hosts_[static_cast<std::size_t>(host)].name);
    say(host, built, at);
}

void MachinePark::manager_says(Machine& machine, E type, double at, int host) {
    EventBuilder built(type, Source::kCloudManager, machine.id);
    if (host >= 0) {
        built.field("hostname", hosts_[static_cast<std::size_t>(host)].name);
        machine.placement = host;
    }
    say(kManager, built, at);
}

void MachinePark::guest_says(const Machine& machine, int host, E type, double at) {
    EventBuilder built(type, Source::kVmSystem, machine.id);
    say(host, built, at, type == E::kVMHeartbeat);
}

void MachinePark::say(int host, EventBuilder& built, double at, bool is_beat) {
    ++counter_;
    built.host(host == kManager ? "front.example.org" : hosts_[static_cast<std::size_t>(host)].name)
        .at(at)
        .counter(counter_)
        .id("word" + std::to_string(counter_));
    unheard_.push_back({host, at + between(0, kDelayMost), built.arrived(), is_beat});
}

void MachinePark::beat() {
    for (Machine& machine : machines_) {
        if (machine.host < 0 || machine.beat_at <= 0 || machine.is_guest_silent) continue;
        for (; machine.beat_at <= now_; machine.beat_at += kBeatSeconds) {
            guest_says(machine, machine.host, E::kVMHeartbeat, machine.beat_at);
            machine.has_beaten = true;
        }
    }
}

// Where it could go; -1: nowhere now.
int MachinePark::other_host(const Machine& machine) {
    const int count = machine.has_guest ? kHostsOfGuests : static_cast<int>(hosts_.size());
    const int drawn = static_cast<int>(random_() % static_cast<unsigned>(count));
    const Host& host = hosts_[static_cast<std::size_t>(drawn)];
    return drawn == machine.host || host.is_closing || host.is_silent ? -1 : drawn;
}

double MachinePark::between(double least, double most) {
    return std::uniform_real_distribution(least, most)(random_);
}

}  // namespace lb::test
