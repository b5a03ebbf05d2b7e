#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "common/base/encoding.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/table.h"
#include "logd/opennebula/hook_call.h"
#include "logd/opennebula/reports.h"
#include "logd/opennebula/states.h"
#include "tests/support/opennebula_messages.h"

using namespace lb;
using namespace lb::opennebula;
using test::opennebula_file;
using test::opennebula_vm;

namespace {

constexpr std::int64_t kBegin = 1'569'244'238;
constexpr std::int64_t kNow = 1'569'300'000'000'000;

Sight sight(bool is_resync = false) {
    return {"cloud1", "front.example.org", kNow, is_resync};
}

std::string type_of(const Report& report) {
    return std::string(event::find_type(report.event.type)->name);
}

// The one report of this type.
Report report_of(const std::vector<Report>& reports, const std::string& type) {
    std::vector<Report> found;
    for (const Report& report : reports)
        if (type_of(report) == type) found.push_back(report);
    REQUIRE(found.size() == 1);
    return found.front();
}

std::vector<std::string> types_of(const std::vector<Report>& reports) {
    std::vector<std::string> types;
    for (const Report& report : reports) types.push_back(type_of(report));
    return types;
}

std::string base64(std::string_view bytes) {
    std::string text = to_base64url(bytes);
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    while (text.size() % 4 != 0) text += '=';
    return text;
}

std::string_view word_of(Phase phase) {
    switch (phase) {
        case Phase::kPending:
            return "PENDING";
        case Phase::kBoot:
            return "BOOT";
        case Phase::kRunning:
            return "RUNNING";
        case Phase::kShutdown:
            return "SHUTDOWN";
        case Phase::kStopped:
            return "STOPPED";
        case Phase::kDone:
            return "DONE";
        case Phase::kFailure:
            return "FAILURE";
        case Phase::kUnknown:
            return "(keep)";
    }
    return {};
}

}  // namespace

TEST_CASE("every state code of OpenNebula means what the mapping says, and no other is known") {
    std::istringstream lines(opennebula_file("states.tsv"));
    std::string line;
    std::getline(lines, line);
    std::size_t states = 0;
    std::size_t lcm_states_seen = 0;
    while (std::getline(lines, line)) {
        std::istringstream columns(line);
        std::string kind, code, name, phase;
        std::getline(columns, kind, '\t');
        std::getline(columns, code, '\t');
        std::getline(columns, name, '\t');
        std::getline(columns, phase, '\t');
        INFO(line);
        const auto rows = kind == "STATE" ? vm_states() : lcm_states();
        (kind == "STATE" ? states : lcm_states_seen) += 1;
        const StateRow* const row = find_state(rows, std::stoi(code));
        REQUIRE(row != nullptr);
        CHECK(row->name == name);
        if (phase == "(by LCM_STATE)")
            CHECK(row->code == kActive);
        else
            CHECK(word_of(row->phase) == phase);
    }
    CHECK(states == vm_states().size());
    CHECK(lcm_states_seen == lcm_states().size());
    CHECK(states == 12);
    CHECK(lcm_states_seen == 72);
}

TEST_CASE("the life of a machine is told at the times that its history names") {
    const struct {
        const char* message;
        const char* type;
        std::int64_t time_us;
    } steps[] = {
        {"01-pending", "VMResume", kBegin * 1'000'000 + 1},
        {"02-prolog", "VMBoot", (kBegin + 5) * 1'000'000 + 2},
        {"03-boot", "VMBoot", (kBegin + 8) * 1'000'000 + 3},
        {"04-running", "VMRunning", (kBegin + 9) * 1'000'000 + 4},
        {"05-shutdown", "VMShutdown", kNow},
        {"06-epilog", "VMShutdown", (kBegin + 60) * 1'000'000 + 999'002},
        {"07-done", "VMDone", (kBegin + 65) * 1'000'000 + 999'003},
        {"08-boot_failure", "VMFail", kNow},
    };
    for (const auto& step : steps) {
        INFO(step.message);
        const auto reports = reports_of(opennebula_vm(step.message), sight());
        const Report report = report_of(reports, step.type);
        CHECK(report.event.time_us == step.time_us);
        CHECK(report.event.source == event::Source::kCloudManager);
        CHECK(report.event.host == "front.example.org");
        CHECK(report.subject == "libvirt-uuid:/6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01");
        CHECK(report.event_id.empty() == (step.time_us == kNow));
    }
}

TEST_CASE("a machine tells who it is, and its key is bound to its UUID") {
    const auto reports = reports_of(opennebula_vm("02-prolog"), sight());
    CHECK(types_of(reports) == std::vector<std::string>{"Bind", "VMCreate", "VMBoot"});
    CHECK(report_of(reports, "Bind").event.text("key") == "one-vmid:cloud1/0");
    const event::Event created = report_of(reports, "VMCreate").event;
    CHECK(created.text("name") == "test");
    CHECK(created.text("owner") == "oneadmin");
    CHECK(created.text("require") == "CPU=1 MEMORY=64");
    CHECK(report_of(reports, "VMBoot").event.text("hostname") == "kvm1.example.org");
}

TEST_CASE("a machine without a UUID goes by its number") {
    VmDocument vm = opennebula_vm("01-pending");
    vm.uuid.clear();
    const auto reports = reports_of(vm, sight());
    CHECK(types_of(reports) == std::vector<std::string>{"VMCreate", "VMResume"});
    for (const Report& report : reports) CHECK(report.subject == "one-vmid:cloud1/0");
}

TEST_CASE("whoever reports a named change gives it the same id") {
    const auto one = reports_of(opennebula_vm("04-running"), sight());
    Sight later = sight();
    later.seen_us += 60'000'000;
    later.host = "other.example.org";
    const auto other = reports_of(opennebula_vm("04-running"), later);
    REQUIRE(one.size() == other.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
        CHECK(event::is_derived_event_id(one[i].event_id));
        CHECK(one[i].event_id == other[i].event_id);
    }
}

TEST_CASE("a resynchronisation says what happened, and looks at what is") {
    const auto reports = reports_of(opennebula_vm("04-running"), sight(true));
    CHECK(types_of(reports) ==
          std::vector<std::string>{"Bind", "VMCreate", "VMHost", "VMRunning", "VMRunning"});
    CHECK(reports[2].event.is_resync);
    CHECK_FALSE(reports[3].event.is_resync);
    CHECK(reports[4].event.is_resync);
    CHECK(reports[4].event.time_us == kNow);
}

TEST_CASE("a way back is told when it is seen, for the history writes nothing of it") {
    VmDocument vm = opennebula_vm("04-running");
    for (const char* before : {"SHUTDOWN", "UNKNOWN", "BOOT_UNKNOWN", "BOOT_FAILURE"}) {
        INFO(before);
        vm.previous_lcm_state = find_state(lcm_states(), before)->code;
        CHECK(report_of(reports_of(vm, sight()), "VMRunning").event.time_us == kNow);
    }
    vm.previous_lcm_state = find_state(lcm_states(), "HOTPLUG")->code;
    CHECK(report_of(reports_of(vm, sight()), "VMRunning").event.time_us != kNow);
    vm.stay->run_end = vm.stay->run_begin + 1;  // a boot tried again keeps the times of the first
    vm.previous_lcm_state = find_state(lcm_states(), "BOOT")->code;
    CHECK(report_of(reports_of(vm, sight()), "VMRunning").event.time_us == kNow);
}

TEST_CASE("a live migration names both hosts") {
    VmDocument vm = opennebula_vm("04-running");
    vm.previous_host = vm.stay->hostname;
    vm.stay->hostname = "kvm2.example.org";
    vm.stay->sequence = 1;
    vm.lcm_state = find_state(lcm_states(), "MIGRATE")->code;
    vm.previous_lcm_state = find_state(lcm_states(), "RUNNING")->code;
    const Report begin = report_of(reports_of(vm, sight()), "VMMigrate");
    CHECK(begin.event.text("phase") == "START");
    CHECK(begin.event.text("from_host") == "kvm1.example.org");
    CHECK(begin.event.text("to_host") == "kvm2.example.org");
    std::swap(vm.lcm_state, vm.previous_lcm_state);
    const auto reports = reports_of(vm, sight());
    CHECK(report_of(reports, "VMMigrate").event.text("phase") == "OK");
    CHECK(report_of(reports, "VMRunning").event.text("hostname") == "kvm2.example.org");
}

TEST_CASE("the end says how it came") {
    VmDocument vm = opennebula_vm("07-done");
    CHECK(report_of(reports_of(vm, sight()), "VMDone").event.text("status_code") == "OK");
    for (const int action : {13, 28, 42}) {
        vm.stay->action = action;
        CHECK(report_of(reports_of(vm, sight()), "VMDone").event.text("status_code") == "DELETE");
    }
    vm.stay->action = 0;
    vm.previous_lcm_state = find_state(lcm_states(), "BOOT_FAILURE")->code;
    CHECK(report_of(reports_of(vm, sight()), "VMDone").event.text("status_code") == "DELETE");
}

TEST_CASE("every state can be reported, codes of the future too") {
    for (int state = -1; state < 14; ++state)
        for (int lcm_state = -1; lcm_state < 75; ++lcm_state) {
            VmDocument vm = opennebula_vm("04-running");
            vm.previous_state = vm.state;
            vm.previous_lcm_state = vm.lcm_state;
            vm.state = state;
            vm.lcm_state = lcm_state;
            CHECK_FALSE(reports_of(vm, sight()).empty());
        }
    VmDocument vm = opennebula_vm("04-running");
    vm.lcm_state = 99;
    const event::Event unknown = report_of(reports_of(vm, sight()), "VMUnknown").event;
    CHECK(unknown.text("reason") == "unknown state ACTIVE/99");
}

TEST_CASE("no secret of a template gets into an event") {
    const auto documents = parse_documents(opennebula_file("secrets.vm.xml"));
    REQUIRE(documents.ok());
    const auto reports = reports_of(documents->vms.at(0), sight(true));
    CHECK(report_of(reports, "VMCreate").event.text("image") == "debian-12");
    for (const Report& report : reports)
        CHECK(event::encode(report.event).find("secret-") == std::string::npos);
}

TEST_CASE("addresses come with a run") {
    auto vm = parse_documents(opennebula_file("secrets.vm.xml"))->vms.at(0);
    vm.previous_lcm_state = 2;
    vm.lcm_state = 3;
    vm.stay->run_begin = kBegin + 9;
    const event::Event address = report_of(reports_of(vm, sight()), "VMNetwork").event;
    CHECK(address.text("operation") == "ADD");
    CHECK(address.text("ip") == "192.0.2.7");
    CHECK(address.text("mac") == "02:00:c0:00:02:07");
}

TEST_CASE("a host is a physical machine") {
    auto host = parse_documents(opennebula_file("host-error.hook_message.xml"))->hosts.at(0);
    const Report failed = reports_of(host, sight()).at(0);
    CHECK(failed.subject == "host:/kvm1.example.org");
    CHECK(type_of(failed) == "VMFail");
    const std::pair<int, const char*> meanings[] = {{0, "VMBoot"}, {2, "VMRunning"},
                                                    {3, "VMFail"}, {4, "VMRunning"},
                                                    {8, "VMStop"}, {9, "VMUnknown"}};
    for (const auto& [state, type] : meanings) {
        host.state = state;
        CHECK(type_of(reports_of(host, sight()).at(0)) == type);
    }
}

TEST_CASE("hooks of each generation are understood") {
    const std::string message = base64(opennebula_file("04-running.hook_message.xml"));
    const auto by_stdin = parse_call(words_of(message + " cloud1"));
    REQUIRE(by_stdin.ok());
    CHECK(by_stdin->scope == "cloud1");
    CHECK(by_stdin->documents.vms.at(0).stay->hostname == "kvm1.example.org");
    const std::vector<std::string> old = {"0", "ACTIVE", "PROLOG", message};
    const auto by_arguments = parse_call(old);
    REQUIRE(by_arguments.ok());
    CHECK(by_arguments->scope.empty());
    CHECK(by_arguments->documents.vms.at(0).previous_lcm_state == 1);
    for (const char* wrong : {"", "%%%", "PFZN", "1 2", "0 ACTIVE NOWHERE PFZNLz4=", "a b c d e f"})
        CHECK_FALSE(parse_call(words_of(wrong)).ok());
}

TEST_CASE("one machine of a pool that cannot be read does not hide the others") {
    const auto documents = parse_documents(
        "<VM_POOL><VM><ID>x</ID></VM><VM><ID>1</ID><STATE>8</STATE></VM></VM_POOL>");
    REQUIRE(documents.ok());
    CHECK(documents->vms.size() == 1);
    CHECK(documents->refused.size() == 1);
    CHECK(parse_documents("<VM_POOL/>").ok());
    CHECK_FALSE(parse_documents("<NOTHING/>").ok());
    CHECK_FALSE(parse_documents("<VM").ok());
}
