#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "bkserver/state/engine.h"
#include "common/event/event_id.h"

namespace lb::state {
namespace {

using E = event::EventType;
using event::Source;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kT0 = 1'700'000'000 * kSecond;

// A machine that is told what happens second by second.
struct Machine {
    Registers registers = fresh(11);
    int count = 0;

    Machine& say(std::int64_t second, E type, Source source, const std::string& host,
                 const std::string& field = {}, const std::string& value = {}) {
        return tell(second, type, source, host, field, value, false);
    }
    Machine& look(std::int64_t second, E type, Source source, const std::string& host) {
        return tell(second, type, source, host, {}, {}, true);
    }
    Machine& tell(std::int64_t second, E type, Source source, const std::string& host,
                  const std::string& field, const std::string& value, bool is_look) {
        event::Event event;
        event.is_resync = is_look;
        event.type = static_cast<std::uint16_t>(type);
        event.time_us = kT0 + second * kSecond;
        event.source = source;
        event.host = host;
        if (!field.empty()) event.set_text(field, value);
        const std::string id = event::event_id_of_text(std::to_string(++count));
        event::Arrival arrival;
        arrival.event_id = id;
        apply(registers, event, arrival);
        return *this;
    }
    // Of the loggers those are known that the registers ask for.
    [[nodiscard]] View at(std::int64_t second, std::vector<Sighting> heartbeats = {},
                          std::vector<Sighting> loggers = {}) const {
        const std::vector<std::string> hosts = hosts_of(registers);
        std::erase_if(loggers, [&](const Sighting& logger) {
            return std::find(hosts.begin(), hosts.end(), logger.who) == hosts.end();
        });
        ViewInput input;
        input.now_us = kT0 + second * kSecond;
        input.heartbeats = std::move(heartbeats);
        input.loggers = std::move(loggers);
        return view(registers, input);
    }
};

std::string names(const View& view) {
    std::string all;
    for (const Disagreement& one : view.disagreements) all += one.name + " ";
    return all;
}

Machine running() {
    Machine machine;
    machine.say(0, E::kVMBoot, Source::kVmManager, "a")
        .say(1, E::kVMRunning, Source::kVmManager, "a")
        .say(2, E::kVMRunning, Source::kCloudManager, "one", "hostname", "a")
        .say(9, E::kVMRunning, Source::kVmSystem, "vm1");
    return machine;
}

}  // namespace

TEST_CASE("a machine that all agree on has no disagreement") {
    const Machine machine = running();
    const View seen = machine.at(1000);
    CHECK(names(seen) == "");
    CHECK(evidence_of(machine.registers).size() == 3);
    CHECK_FALSE(seen.next_due_us.has_value());
}

TEST_CASE("what claims alone make due is known without any sighting") {
    Machine machine = running();
    CHECK_FALSE(first_due(machine.registers).has_value());
    machine.say(100, E::kVMStop, Source::kVmManager, "a")
        .say(110, E::kVMRunning, Source::kCloudManager, "one", "hostname", "a");
    CHECK(first_due(machine.registers) == kT0 + 220 * kSecond);
    CHECK_FALSE(first_due(fresh(1)).has_value());  // a job
}

TEST_CASE("lost: the manager says running and no host carries it, after the grace time") {
    Machine machine = running();
    machine.say(100, E::kVMStop, Source::kVmManager, "a")
        .say(110, E::kVMRunning, Source::kCloudManager, "one", "hostname", "a");
    CHECK(names(machine.at(219)) == "");
    CHECK(machine.at(219).next_due_us == kT0 + 220 * kSecond);
    CHECK(names(machine.at(220)) == "lost ");
    machine.say(300, E::kVMRunning, Source::kVmManager, "a");
    CHECK(names(machine.at(1000)) == "");
}

TEST_CASE("stray: a host carries what the manager calls stopped or done") {
    Machine machine = running();
    machine.say(100, E::kVMStop, Source::kCloudManager, "one");
    CHECK(names(machine.at(219)) == "");
    CHECK(names(machine.at(220)) == "stray ");
    machine.say(110, E::kVMDone, Source::kCloudManager, "one", "status_code", "OK");
    CHECK(names(machine.at(1000)) == "stray ");
    machine.say(120, E::kVMStop, Source::kVmManager, "a");
    CHECK(names(machine.at(1000)) == "");
}

TEST_CASE("a disagreement that rests on a silent logger's word says so") {
    Machine machine = running();
    machine.say(100, E::kVMStop, Source::kCloudManager, "one");
    const View seen =
        machine.at(1000, {}, {{"a", kT0 + 90 * kSecond}, {"one", kT0 + 990 * kSecond}});
    REQUIRE(seen.disagreements.size() == 1);
    CHECK(seen.disagreements[0].stale == "a");
    CHECK(seen.stale == std::vector<std::string>{"a"});
    CHECK_FALSE(seen.next_due_us.has_value());  // loggers are watched by themselves
}

TEST_CASE("what rests on the word of a silent manager says so, whatever host the manager named") {
    const std::vector<Sighting> loggers = {{"one", kT0 + 110 * kSecond},
                                           {"a", kT0 + 990 * kSecond}};
    Machine lost = running();
    lost.say(100, E::kVMStop, Source::kVmManager, "a")
        .say(110, E::kVMRunning, Source::kCloudManager, "ONE", "hostname", "a");
    const View seen = lost.at(1000, {}, loggers);
    REQUIRE(names(seen) == "lost ");
    CHECK(seen.disagreements[0].stale == "one");
    CHECK(seen.stale == std::vector<std::string>{"one"});
    CHECK(lost.at(199, {}, loggers).stale.empty());
    CHECK(lost.at(200, {}, loggers).stale == seen.stale);

    Machine stray = running();
    stray.say(100, E::kVMStop, Source::kCloudManager, "one");
    CHECK(stray.at(1000, {}, loggers).disagreements.at(0).stale == "one");
    Machine misplaced = running();
    misplaced.say(100, E::kVMHost, Source::kCloudManager, "one", "hostname", "b");
    CHECK(misplaced.at(1000, {}, loggers).disagreements.at(0).stale == "one");
}

TEST_CASE("the manager's host is the one from which it spoke last of the state") {
    for (const std::uint32_t type : {11U, 20U}) {  // virtual and physical machines
        Machine machine;
        machine.registers = fresh(type);
        CHECK(manager_host_of(machine.registers).empty());
        machine.say(1, E::kVMRunning, Source::kVmManager, "a")
            .say(2, E::kVMStop, Source::kUserInterface, "desk");
        CHECK(manager_host_of(machine.registers).empty());
        machine.say(20, E::kVMSuspend, Source::kCloudManager, "two")
            .say(10, E::kVMRunning, Source::kCloudManager, "one", "hostname", "a")
            .say(30, E::kVMStop, Source::kUserInterface, "desk");
        CHECK(manager_host_of(machine.registers) == "two");
    }
    CHECK(manager_host_of(fresh(1)).empty());  // a job
}

TEST_CASE("each event of the manager about the state tells its host") {
    for (const E type : {E::kVMRunning, E::kVMHost, E::kVMShutdown, E::kVMStop, E::kVMResume,
                         E::kVMBoot, E::kVMSuspend, E::kVMReboot, E::kVMFail, E::kVMUnknown}) {
        Machine machine;
        machine.say(1, type, Source::kCloudManager, "one");
        CHECK(manager_host_of(machine.registers) == "one");
    }
    for (const char* code : {"OK", "DELETE", "FAILURE"}) {
        Machine machine;
        machine.say(1, E::kVMDone, Source::kCloudManager, "one", "status_code", code);
        CHECK(manager_host_of(machine.registers) == "one");
    }
    for (const char* phase : {"START", "OK"}) {
        Machine machine;
        machine.say(1, E::kVMMigrate, Source::kCloudManager, "one", "phase", phase);
        CHECK(manager_host_of(machine.registers) == "one");
    }
}

TEST_CASE("zombie: the guest speaks after the machine stopped") {
    Machine machine = running();
    machine.say(100, E::kVMStop, Source::kVmManager, "a")
        .say(100, E::kVMStop, Source::kCloudManager, "one");
    CHECK(names(machine.at(1000)) == "");
    CHECK(names(machine.at(1000, {{"VMSystem", kT0 + 104 * kSecond}})) == "");
    CHECK(names(machine.at(1000, {{"VMSystem", kT0 + 110 * kSecond}})) == "zombie ");
    machine.say(120, E::kVMRunning, Source::kVmSystem, "vm1");
    CHECK(names(machine.at(1000)) == "zombie ");
    machine.say(130, E::kVMShutdown, Source::kVmSystem, "vm1");
    CHECK(names(machine.at(1000)) == "");
}

TEST_CASE("zombie: each heartbeat confirms, none begins the grace time anew") {
    Machine machine = running();
    machine.say(100, E::kVMStop, Source::kVmManager, "a")
        .say(100, E::kVMStop, Source::kCloudManager, "one");
    for (int second = 230; second < 1000; second += 60)
        CHECK(names(machine.at(second + 1, {{"VMSystem", kT0 + second * kSecond}})) == "zombie ");
    // Up since then: somebody started it, and who did so may be late.
    const Sighting fresh = {"VMSystem", kT0 + 960 * kSecond, 60 * kSecond};
    CHECK(names(machine.at(1019, {fresh})) == "");
    CHECK(machine.at(1019, {fresh}).next_due_us == kT0 + 1020 * kSecond);
    CHECK(names(machine.at(1020, {fresh})) == "zombie ");
}

TEST_CASE("a look confirms a disagreement, and who speaks of what is past does not begin it anew") {
    Machine lost = running();
    lost.say(100, E::kVMBoot, Source::kVmManager, "b")
        .say(101, E::kVMRunning, Source::kVmManager, "b")
        .say(102, E::kVMRunning, Source::kCloudManager, "one", "hostname", "b")
        .say(200, E::kVMStop, Source::kVmManager, "b", "reason", "destroyed");
    CHECK(names(lost.at(320)) == "lost ");
    lost.look(315, E::kVMStop, Source::kVmManager, "a")
        .look(316, E::kVMStop, Source::kVmManager, "b");
    CHECK(names(lost.at(320)) == "lost ");
    Machine stray = running();
    stray.say(100, E::kVMStop, Source::kCloudManager, "one")
        .look(200, E::kVMRunning, Source::kVmManager, "a");
    CHECK(names(stray.at(220)) == "stray ");
    Machine misplaced = running();
    misplaced.say(100, E::kVMHost, Source::kCloudManager, "one", "hostname", "b")
        .look(200, E::kVMRunning, Source::kVmManager, "a");
    CHECK(names(misplaced.at(220)) == "misplaced ");
}

TEST_CASE("silent: a guest that used to send heartbeats sends none while the machine runs") {
    const Machine machine = running();
    CHECK(names(machine.at(1000, {{"VMSystem", kT0 + 950 * kSecond}})) == "");
    CHECK(names(machine.at(1000, {{"VMSystem", kT0 + 800 * kSecond}})) == "silent ");
    // It came through another host before it migrated.
    CHECK(names(machine.at(
              1000, {{"VMSystem", kT0 + 700 * kSecond}, {"VMSystem", kT0 + 950 * kSecond}})) == "");
}

TEST_CASE("misplaced: it runs elsewhere than the manager placed it") {
    Machine machine = running();
    machine.say(100, E::kVMHost, Source::kCloudManager, "one", "hostname", "b");
    CHECK(names(machine.at(1000)) == "misplaced ");
    machine.say(101, E::kVMHost, Source::kCloudManager, "one", "hostname", "a");
    CHECK(names(machine.at(1000)) == "");
}

TEST_CASE("misplaced: while a host receives it the manager has its time to notice") {
    Machine machine = running();
    machine.say(500, E::kVMMigrate, Source::kVmManager, "b", "phase", "START")
        .say(501, E::kVMBoot, Source::kVmManager, "b")
        .say(502, E::kVMRunning, Source::kVmManager, "b")
        .say(503, E::kVMStop, Source::kVmManager, "a", "reason", "migrated");
    CHECK(names(machine.at(510)) == "");
    CHECK(names(machine.at(1000)) == "misplaced ");
}

TEST_CASE("split: two hosts carry it; a receiving one does not count") {
    Machine machine = running();
    machine.say(100, E::kVMMigrate, Source::kVmManager, "b", "phase", "START")
        .say(101, E::kVMBoot, Source::kVmManager, "b")
        .say(102, E::kVMRunning, Source::kVmManager, "b");
    CHECK(names(machine.at(1000)) == "");
    Machine split = running();
    split.say(100, E::kVMBoot, Source::kVmManager, "b")
        .say(101, E::kVMRunning, Source::kVmManager, "b")
        .say(110, E::kVMSuspend, Source::kVmManager, "a");
    CHECK(names(split.at(1000)) == "misplaced split ");
}

TEST_CASE("the view as JSON names disagreements and stale parties; evidence, who said what last") {
    Machine machine = running();
    machine.say(100, E::kVMStop, Source::kCloudManager, "one");
    const auto json = machine.at(1000).to_json();
    CHECK(json["disagreements"][0]["name"] == "stray");
    CHECK(evidence_of(machine.registers)[0]["source"] == "CloudManager");
    CHECK(json["stale"].empty());
}

}  // namespace lb::state
