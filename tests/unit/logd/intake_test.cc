// Whose word an event is, as the server will be told.
#include "logd/daemon/intake.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "logd/daemon/program_ledger.h"
#include "tests/unit/logd/logd_directory.h"

using namespace lb;

namespace {

constexpr char kMachine[] = "libvirt-uuid:/6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01";
constexpr uid_t kSomebody = 54321;

std::string payload(bool is_channel, event::Source source) {
    event::Event event;
    event.type = static_cast<std::uint16_t>(event::EventType::kVMRunning);
    event.source = source;
    event.time_us = 1'795'521'600'000'000;
    v1::Envelope envelope;
    envelope.set_schema(1);
    envelope.set_event_id(event::new_event_id());
    envelope.set_subject(kMachine);
    envelope.set_is_channel(is_channel);
    envelope.set_event(event::encode(event));
    return envelope.SerializeAsString();
}

struct Desk {
    std::variant<logd::Accepted, logd::Refused> accept(const std::string& bytes, uid_t uid,
                                                       const std::string& dn = {}) {
        logd::Producer producer;
        producer.user = {.uid = uid, .name = "somebody", .groups = {}};
        producer.dn = dn;
        producer.sources.add_all();
        return intake.accept(bytes, producer, {});
    }
    v1::Envelope accepted(const std::string& bytes, uid_t uid) {
        const auto outcome = accept(bytes, uid);
        REQUIRE(std::holds_alternative<logd::Accepted>(outcome));
        v1::Envelope envelope;
        REQUIRE(envelope.ParseFromString(std::get<logd::Accepted>(outcome).envelope));
        return envelope;
    }
    Error refused(const std::string& bytes, uid_t uid) {
        const auto outcome = accept(bytes, uid);
        REQUIRE(std::holds_alternative<logd::Refused>(outcome));
        return std::get<logd::Refused>(outcome).error;
    }

    test::LogdDirectory directory;
    logd::LogdOptions options = directory.options();
    logd::Intake intake = *logd::Intake::create(env::posix_env(), options);
};

}  // namespace

TEST_CASE("what a local user logs is his own word") {
    Desk desk;
    const auto envelope = desk.accepted(payload(false, event::Source::kVmSystem), kSomebody);
    CHECK(envelope.acceptance().identity().kind() == v1::IDENTITY_KIND_UID);
    CHECK(envelope.acceptance().identity().name() == "54321");
}

TEST_CASE("each event is stamped anew, whoever logged the one before") {
    Desk desk;
    const auto user = desk.accepted(payload(false, event::Source::kVmSystem), kSomebody);
    desk.refused("no envelope", kSomebody);
    const auto guest = desk.accepted(payload(true, event::Source::kVmSystem), 0);
    CHECK(user.acceptance().identity().display() == "somebody");
    CHECK(guest.acceptance().identity().display().empty());
    CHECK(user.acceptance().counter() == 1);
    CHECK(guest.acceptance().counter() == 2);
    CHECK(guest.acceptance().origin() == desk.intake.origin_id());
    CHECK(guest.acceptance().boot_id() == user.acceptance().boot_id());
    CHECK_FALSE(guest.acceptance().host().empty());
}

TEST_CASE("what came on a channel is the word of that machine's guest") {
    Desk desk;
    const auto envelope = desk.accepted(payload(true, event::Source::kVmSystem), 0);
    CHECK(envelope.acceptance().identity().kind() == v1::IDENTITY_KIND_CHANNEL);
    CHECK(envelope.acceptance().identity().name() == kMachine);
    CHECK(envelope.acceptance().identity().display().empty());
    CHECK_FALSE(envelope.is_channel());
}

TEST_CASE("root's agents alone speak for guests, and those as VMSystem alone") {
    Desk desk;
    const Error user = desk.refused(payload(true, event::Source::kVmSystem), kSomebody);
    CHECK(user.code == ErrorCode::kDenied);
    CHECK(user.text.find("speak for guests") != std::string::npos);
    const Error manager = desk.refused(payload(true, event::Source::kVmManager), 0);
    CHECK(manager.code == ErrorCode::kDenied);
    CHECK(manager.text.find("VMSystem") != std::string::npos);
}

TEST_CASE("what comes from another host is the word of its certificate, whatever else it says") {
    constexpr char kName[] = "/O=example/CN=host/worker7";
    Desk desk;
    const auto outcome = desk.accept(payload(false, event::Source::kVmSystem), 0, kName);
    REQUIRE(std::holds_alternative<logd::Accepted>(outcome));
    v1::Envelope envelope;
    REQUIRE(envelope.ParseFromString(std::get<logd::Accepted>(outcome).envelope));
    CHECK(envelope.acceptance().identity().kind() == v1::IDENTITY_KIND_CERTIFICATE);
    CHECK(envelope.acceptance().identity().name() == kName);

    SECTION("no guest speaks over TLS, not even for whom the number of root stands by mistake") {
        const auto guest = desk.accept(payload(true, event::Source::kVmSystem), 0, kName);
        REQUIRE(std::holds_alternative<logd::Refused>(guest));
        const Error& error = std::get<logd::Refused>(guest).error;
        CHECK(error.code == ErrorCode::kDenied);
        CHECK(error.text.find("certificate:/O=example/CN=host/worker7") != std::string::npos);
    }
}

TEST_CASE("which program logged is for this host alone") {
    v1::Envelope sent;
    REQUIRE(sent.ParseFromString(payload(false, event::Source::kVmManager)));
    sent.set_program("lb-hook-libvirt");
    Desk desk;
    const auto outcome = desk.accept(sent.SerializeAsString(), 0);
    REQUIRE(std::holds_alternative<logd::Accepted>(outcome));
    CHECK(std::get<logd::Accepted>(outcome).program == "lb-hook-libvirt");
    CHECK(desk.accepted(sent.SerializeAsString(), 0).program().empty());
    // What any user may log tells of no hook.
    REQUIRE(sent.ParseFromString(payload(false, event::Source::kApplication)));
    sent.set_program("lb-hook-libvirt");
    const auto of_job = desk.accept(sent.SerializeAsString(), kSomebody);
    REQUIRE(std::holds_alternative<logd::Accepted>(of_job));
    CHECK(std::get<logd::Accepted>(of_job).program.empty());
    // Another host's programs are no programs of this one.
    REQUIRE(sent.ParseFromString(payload(false, event::Source::kVmManager)));
    sent.set_program("lb-hook-libvirt");
    const auto remote = desk.accept(sent.SerializeAsString(), 0, "/O=example/CN=host/worker7");
    REQUIRE(std::holds_alternative<logd::Accepted>(remote));
    CHECK(std::get<logd::Accepted>(remote).program.empty());
}

TEST_CASE("the programs that log are counted, as many as there is room for") {
    logd::ProgramLedger programs;
    programs.add("lb-hook-libvirt", 1'795'521'600'000'000);
    programs.add("lb-hook-libvirt", 1'795'521'660'000'000);
    for (const char* no_name : {"", "a b", "\xff", "a/b", "a-name-that-is-longer-than-32-bytes"})
        programs.add(no_name, 1);
    CHECK(programs.to_json() ==
          nlohmann::json{
              {"lb-hook-libvirt", {{"events", 2}, {"last", "2026-11-24T12:01:00.000000Z"}}}});
    for (std::size_t i = 0; i < 2 * logd::ProgramLedger::kProgramsMax; ++i)
        programs.add("program" + std::to_string(i), static_cast<std::int64_t>(i));
    CHECK(programs.to_json().size() == logd::ProgramLedger::kProgramsMax);
    CHECK(programs.to_json().contains("lb-hook-libvirt"));  // the newest word of all stays
}

TEST_CASE("rules of sources for certificates") {
    const std::vector<std::string> rules = {"uid:0: *", "*: LRMS",
                                            "certificate:*/CN=host/worker*: VMManager VMSystem",
                                            "certificate:/O=a:b/CN=x y: LRMS"};
    const auto policy = logd::SourcePolicy::parse(rules);
    REQUIRE(policy.ok());
    const auto worker = policy->sources_of_certificate("/O=example/CN=host/worker7");
    CHECK(worker.contains(event::Source::kVmManager));
    CHECK(worker.contains(event::Source::kVmSystem));
    CHECK_FALSE(worker.contains(event::Source::kLrms));  // "*" is of this host
    CHECK(policy->sources_of_certificate("/O=a:b/CN=x y").contains(event::Source::kLrms));
    CHECK(policy->sources_of_certificate("/O=example/CN=host/other").is_empty());
    CHECK(policy->sources_of_certificate("").is_empty());
    // A name that looks like a rule gives a local user nothing.
    CHECK_FALSE(
        policy->sources_of({.uid = 7, .name = "*/CN=host/worker1", .groups = {"*/CN=host/worker1"}})
            .contains(event::Source::kVmManager));
}
