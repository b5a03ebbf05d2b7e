// Parents: planned children, collections, clusters, and clusters of clusters, as replay folds them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "bkserver/cli/replay.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"

namespace lb::test {
namespace {

using E = event::EventType;
using event::Source;

constexpr const char* kParent = "https://lb.example.org:9000/parent";
constexpr const char* kTop = "https://lb.example.org:9000/top";

std::string child(std::uint32_t index, const std::string& parent = kParent) {
    return event::ProcessId::parse(parent)->child("edg_wll_GenerateSubjobIds()", index).to_string();
}

std::string member(int index) {
    return "https://lb.example.org:9000/vm" + std::to_string(index);
}

// Events of several processes, in the order of their times.
class Site {
  public:
    event::Event& log(const std::string& process, E type, double seconds,
                      Source source = Source::kCloudManager) {
        cli::ReplayEvent event;
        event.subject = process;
        event.event.type = static_cast<std::uint16_t>(type);
        event.event.time_us = static_cast<std::int64_t>(seconds * 1e6);
        event.event.source = source;
        event.event.host = "host.example.org";
        event.event.user = "/CN=alice";
        event.event_id = event::event_id_of_text(process + std::to_string(events_.size()));
        events_.push_back(std::move(event));
        return events_.back().event;
    }
    event::Event& reg(const std::string& process, const char* type, double seconds,
                      int children = 0) {
        event::Event& event = log(process, E::kRegJob, seconds, Source::kUserInterface);
        event.set_text("jobtype", type);
        event.set_text("ns", "x");
        if (children > 0) event.set_text("nsubjobs", std::to_string(children));
        return event;
    }
    void join(const std::string& process, const std::string& cluster, double seconds) {
        log(process, E::kClusterJoin, seconds).set_text("cluster", cluster);
    }
    void leave(const std::string& process, const std::string& cluster, double seconds) {
        log(process, E::kClusterLeave, seconds).set_text("cluster", cluster);
    }
    void done(const std::string& process, const char* code, double seconds) {
        log(process, E::kVMDone, seconds).set_text("status_code", code);
    }
    void transfer(const std::string& process, const char* result, double seconds) {
        log(process, E::kFileTransfer, seconds, Source::kLrms).set_text("result", result);
    }

    [[nodiscard]] nlohmann::ordered_json status(const std::string& process) const {
        return folded(events_).status(process).attributes;
    }
    // All statuses, the events shuffled and some of them twice.
    [[nodiscard]] std::string shuffled(unsigned seed) const {
        std::mt19937 random(seed);
        std::vector<cli::ReplayEvent> events = events_;
        if (seed > 0) {
            events.insert(events.end(), events_.begin(),
                          events_.begin() + static_cast<std::ptrdiff_t>(events_.size() / 2));
            std::shuffle(events.begin(), events.end(), random);
        }
        const cli::Replay replay = folded(events);
        std::vector<std::string> processes = replay.processes();
        std::sort(processes.begin(), processes.end());
        std::string text;
        for (const std::string& process : processes)
            text += replay.status(process).to_text() + "\n";
        return text;
    }

  private:
    static cli::Replay folded(const std::vector<cli::ReplayEvent>& events) {
        cli::Replay replay;
        for (const cli::ReplayEvent& event : events) replay.add(event);
        return replay;
    }
    std::vector<cli::ReplayEvent> events_;
};

std::string words(const nlohmann::ordered_json& status) {
    return status.value("state", "-") + " " + status.value("vm_state", "-");
}

}  // namespace

TEST_CASE("planned children are Submitted before anything is heard of them") {
    Site site;
    site.reg(kParent, "COLLECTION", 10, 3);
    const auto status = site.status(child(2));
    CHECK(status.at("state") == "Submitted");
    CHECK(status.at("jobtype") == "simple");
    CHECK(status.at("parent_job") == kParent);
    CHECK(status.at("owner") == "/CN=alice");
    CHECK(site.status(kParent).at("children_hist").at("Submitted") == 3);
    CHECK(site.status(child(3)).at("state") == "Unknown");
}

TEST_CASE("a child's own registration says what it is, whenever it comes") {
    Site site;
    site.reg(kTop, "COLLECTION", 10, 2);
    site.reg(child(0, kTop), "FILE_TRANSFER_COLLECTION", 11, 2);
    site.transfer(child(1, child(0, kTop)), "OK", 20);
    CHECK(site.status(child(0, kTop)).at("jobtype") == "file_transfer_collection");
    CHECK(site.status(child(0, kTop)).at("state") == "Waiting");
    site.transfer(child(0, child(0, kTop)), "OK", 30);
    CHECK(site.status(child(0, kTop)).at("state") == "Done");
    CHECK(site.status(kTop).at("children_hist").at("Done") == 1);
    CHECK(site.status(kTop).at("state") == "Waiting");
    CHECK(site.status(kTop).at("stateEnterTime") == "1970-01-01T00:00:30.000000Z");
    const std::string expected = site.shuffled(0);
    for (unsigned seed = 1; seed < 50; ++seed) CHECK(site.shuffled(seed) == expected);
}

TEST_CASE("a failed transfer keeps the collection waiting until it is tried again") {
    Site site;
    site.reg(kParent, "FILE_TRANSFER_COLLECTION", 0, 2);
    site.transfer(child(0), "OK", 10);
    site.transfer(child(1), "FAIL", 20);
    CHECK(site.status(kParent).at("state") == "Waiting");
    CHECK(site.status(kParent).at("children_hist").at("Done/FAILED") == 1);
    site.transfer(child(1), "OK", 30);
    CHECK(site.status(kParent).at("state") == "Done");
    CHECK(site.status(kParent).at("done_code") == "OK");
}

TEST_CASE("of two registrations the earlier one plants the children, in whatever order they come") {
    Site site;
    site.reg(kParent, "COLLECTION", 10, 2);
    site.reg(kParent, "COLLECTION", 5, 3);
    site.log(child(1), E::kRunning, 20, Source::kLogMonitor).set_text("node", "wn1");
    CHECK(site.status(child(0)).at("stateEnterTime") == "1970-01-01T00:00:05.000000Z");
    const std::string expected = site.shuffled(0);
    for (unsigned seed = 1; seed < 50; ++seed) CHECK(site.shuffled(seed) == expected);
}

TEST_CASE("a cluster is what its live members are") {
    Site site;
    site.reg(kParent, "VM_CLUSTER", 0);
    CHECK(words(site.status(kParent)) == "Submitted pending");
    for (int i = 0; i < 3; ++i) {
        site.reg(member(i), "VIRTUAL_MACHINE", 1);
        site.join(member(i), kParent, 2);
    }
    CHECK(words(site.status(kParent)) == "Submitted pending");
    site.log(member(0), E::kVMBoot, 10);
    CHECK(words(site.status(kParent)) == "Waiting forming");
    for (int i = 0; i < 3; ++i) site.log(member(i), E::kVMRunning, 20 + i);
    CHECK(words(site.status(kParent)) == "Running running");
    CHECK_FALSE(site.status(kParent).contains("degraded"));
    CHECK(site.status(kParent).at("stateEnterTime") == "1970-01-01T00:00:22.000000Z");
    site.log(member(1), E::kVMFail, 30);
    CHECK(words(site.status(kParent)) == "Running degraded");
    CHECK(site.status(kParent).at("failed_members") == nlohmann::ordered_json::array({member(1)}));
    CHECK(site.status(kParent).at("members_hist").at("failure") == 1);
    site.log(kParent, E::kClusterGoal, 1).set_text("quorum", "2");
    CHECK(words(site.status(kParent)) == "Running running");
    CHECK(site.status(kParent).at("degraded") == true);
    site.leave(member(1), kParent, 40);
    CHECK_FALSE(site.status(kParent).contains("degraded"));
    CHECK(site.status(kParent).at("members_num") == 2);
    // One live member runs, two are wanted.
    site.done(member(0), "OK", 50);
    CHECK(words(site.status(kParent)) == "Waiting forming");
    site.done(member(2), "OK", 60);
    CHECK(words(site.status(kParent)) == "Done done");
    CHECK(site.status(kParent).at("done_code") == "OK");
    const std::string expected = site.shuffled(0);
    for (unsigned seed = 1; seed < 50; ++seed) CHECK(site.shuffled(seed) == expected);
}

TEST_CASE("a cluster whose members all stopped, failed or shut down says so") {
    Site site;
    site.reg(kParent, "VM_CLUSTER", 0);
    for (int i = 0; i < 2; ++i) {
        site.reg(member(i), "VIRTUAL_MACHINE", 1);
        site.join(member(i), kParent, 2);
        site.log(member(i), E::kVMRunning, 10);
        site.log(member(i), E::kVMStop, 20);
    }
    CHECK(words(site.status(kParent)) == "Waiting stopped");
    site.log(member(0), E::kVMFail, 30);
    CHECK(words(site.status(kParent)) == "Done failure");
    CHECK(site.status(kParent).at("done_code") == "FAILED");
    site.log(member(1), E::kVMShutdown, 40);
    CHECK(words(site.status(kParent)) == "Waiting shutdown");
    site.done(kParent, "DELETE", 50);
    CHECK(words(site.status(kParent)) == "Done done");
    CHECK(site.status(kParent).at("done_code") == "CANCELLED");
    site.log(member(1), E::kVMRunning, 60);
    CHECK(words(site.status(kParent)) == "Done done");
}

TEST_CASE("clusters of clusters count through, and one within itself does no harm") {
    Site site;
    site.reg(kTop, "VM_CLUSTER", 0);
    site.reg(kParent, "VM_CLUSTER", 0);
    site.join(kParent, kTop, 1);
    for (int i = 0; i < 2; ++i) {
        site.reg(member(i), "VIRTUAL_MACHINE", 1);
        site.join(member(i), kParent, 2);
        site.log(member(i), E::kVMRunning, 10 + i);
    }
    CHECK(words(site.status(kTop)) == "Running running");
    site.log(member(0), E::kVMFail, 20);
    CHECK(words(site.status(kParent)) == "Running degraded");
    CHECK(words(site.status(kTop)) == "Running running");
    CHECK(site.status(kTop).at("degraded") == true);
    const std::string expected = site.shuffled(0);
    for (unsigned seed = 1; seed < 20; ++seed) CHECK(site.shuffled(seed) == expected);
    site.join(kTop, kParent, 30);
    CHECK(words(site.status(kTop)).starts_with("Running"));
}

TEST_CASE("why names the children when they decide") {
    Site site;
    site.reg(kParent, "COLLECTION", 0, 2);
    state::Registers registers = state::fresh(0);
    event::Event registration = site.reg(kParent, "COLLECTION", 0, 2);
    event::Arrival arrival;
    state::apply(registers, registration, arrival);
    const state::Child running{
        "c", state::MainState::kRunning, 0, {{5, state::Standing::kRunning, state::VmWord::kNone}}};
    const auto why = state::explain(registers, "state", std::span(&running, 1));
    REQUIRE(why.ok());
    CHECK(why->value == "Running");
    CHECK_FALSE(why->decided_by.has_value());
    CHECK(why->remark == "counted from its 1 children or members");
}

TEST_CASE("steps survive encoding; those of a newer server are refused") {
    const std::vector<state::Step> steps = {
        {-5, state::Standing::kRest, state::VmWord::kPending},
        {1'000'000, state::Standing::kRunning, state::VmWord::kReallyRunning},
        {999'999, state::Standing::kDone, state::VmWord::kDone}};
    CHECK(state::decode_steps(state::encode_steps(steps)).value() == steps);
    CHECK(state::encode_steps({}).empty());
    CHECK(state::decode_steps("nonsense").error().code == ErrorCode::kCorrupt);
    const std::string unknown("\x0a\x02\x10\x09", 4);
    CHECK(state::decode_steps(unknown).error().code == ErrorCode::kUnsupported);
}

}  // namespace lb::test
