// The mapping against the captured table of libvirt's events, and its completeness.
#define VIR_ENUM_SENTINELS
#include "logd/libvirt_agent/mapping.h"

#include <libvirt/libvirt.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

using lb::event::EventType;
using lb::event::Source;
using lb::libvirt_agent::Channel;
using lb::libvirt_agent::DomainEvent;
using lb::libvirt_agent::DomainLook;
using lb::libvirt_agent::event_of;
using lb::libvirt_agent::is_known;

namespace {

struct Row {
    DomainEvent event;
    std::string name;
    std::string type;
    std::string reason;
};

Channel channel_of(const std::string& name) {
    if (name == "reboot") return Channel::kReboot;
    if (name == "guest-agent") return Channel::kGuestAgent;
    return name == "job" ? Channel::kJob : Channel::kLifecycle;
}

std::vector<Row> read_rows() {
    const char* source = std::getenv("LB_SOURCE_DIR");
    std::ifstream in(std::string(source == nullptr ? "." : source) +
                     "/tests/fixtures/libvirt_events.tsv");
    std::vector<Row> rows;
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line.front() == '#') continue;
        std::istringstream cells(line);
        std::vector<std::string> words;
        for (std::string cell; std::getline(cells, cell, '\t');) words.push_back(cell);
        REQUIRE(words.size() >= 6);
        rows.push_back(
            {{channel_of(words[0]), std::stoi(words[1]), words[2] == "*" ? 0 : std::stoi(words[2])},
             words[3],
             words[5],
             words.size() > 6 ? words[6] : ""});
    }
    return rows;
}

std::string type_of(const std::optional<lb::event::Event>& event) {
    return event ? std::string(lb::event::find_type(event->type)->name) : "-";
}

}  // namespace

TEST_CASE("each captured event means what the table of captures says") {
    const auto rows = read_rows();
    REQUIRE(rows.size() > 40);
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(is_known(row.event));
        const auto event = event_of(row.event, "node1");
        CHECK(type_of(event) == row.type);
        if (!event) continue;
        CHECK(event->host == "node1");
        CHECK(!event->is_resync);
        if (row.type == "VMMigrate")
            CHECK(event->text("phase") == row.reason);
        else
            CHECK(event->text("reason") == row.reason);
    }
}

TEST_CASE("every detail that libvirt's headers name has a row") {
    const std::pair<int, int> details[] = {
        {VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_LAST},
        {VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_LAST},
        {VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_LAST},
        {VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_LAST},
        {VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_LAST},
        {VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_LAST},
        {VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_LAST},
        {VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_LAST},
        {VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_LAST}};
    CHECK(std::size(details) == VIR_DOMAIN_EVENT_LAST);
    for (const auto& [number, last] : details)
        for (int detail = 0; detail < last; ++detail) {
            CAPTURE(number, detail);
            CHECK(is_known({Channel::kLifecycle, number, detail}));
        }
}

TEST_CASE("numbers of a newer libvirt mean nothing") {
    CHECK(!is_known({Channel::kLifecycle, 99, 0}));
    CHECK(!event_of(DomainEvent{Channel::kLifecycle, VIR_DOMAIN_EVENT_STOPPED, 99}, "node1"));
    CHECK(!event_of(DomainLook{99, 0}, "node1"));
}

TEST_CASE("a migration names the end that speaks") {
    const auto ok = event_of(DomainEvent{Channel::kLifecycle, VIR_DOMAIN_EVENT_RESUMED,
                                         VIR_DOMAIN_EVENT_RESUMED_MIGRATED},
                             "node2");
    REQUIRE(ok);
    CHECK(ok->text("to_host") == "node2");
    const auto failed =
        event_of(DomainEvent{Channel::kJob, VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, 0}, "node1");
    REQUIRE(failed);
    CHECK(failed->text("from_host") == "node1");
}

TEST_CASE("the guest agent speaks for the guest") {
    const auto event =
        event_of(DomainEvent{Channel::kGuestAgent,
                             VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED, 0},
                 "node1");
    REQUIRE(event);
    CHECK(event->source == Source::kVmSystem);
    CHECK(event->source_instance == "qemu-guest-agent");
}

TEST_CASE("a look is marked as one, and a guest that is coming in is not looked at") {
    for (int state = 1; state < VIR_DOMAIN_LAST; ++state) {
        CAPTURE(state);
        const auto event = event_of(DomainLook{state, 0}, "node1");
        REQUIRE(event);
        CHECK(event->is_resync);
        CHECK(event->source == Source::kVmManager);
    }
    CHECK(!event_of(DomainLook{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION}, "node1"));
    CHECK(!event_of(DomainLook{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP}, "node1"));
    CHECK(type_of(event_of(DomainLook{VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED}, "node1")) ==
          "VMStop");
    CHECK(event_of(DomainLook{VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED}, "node1")
              ->text("reason")
              .empty());
}
