// Every role and every relation to a process, with every action and view: what it gives stands
// here, and that it gives nothing else.
#include <catch2/catch.hpp>

#include "bkserver/authz/policy.h"
#include "tests/unit/bkserver_authz/policies.h"

namespace lb::authz {
namespace {

using E = event::EventType;
using S = event::Source;

constexpr char kHost[] = "node1.example.org";
constexpr char kAlice[] = "certificate:/O=lb/CN=alice";

// Bob's rule.
std::string rule(const std::string& verb, std::string_view role) {
    return "[[rule]]\nwho = ['certificate:/O=lb/CN=bob']\n" + verb + " = ['" + std::string(role) +
           "']\nhosts = ['*']\n" + (role == "forwarder" ? "vouches = ['*']\n" : "");
}

// Who asks for what: "bob", who has the policy's role, or "alice", who registered the process.
struct Asker {
    Policy policy;
    std::string name = "bob";
    state::Access access = {};
};

bool logs(const Asker& asker, E type, S source, const char* registrant, const char* user = "") {
    const lb::v1::Identity who = certificate(asker.name);
    event::Event event;
    event.type = static_cast<std::uint16_t>(type);
    event.source = source;
    event.host = kHost;
    event.user = user;
    return asker.policy
        .may_log({who, who, kHost, kProcess, event, registrant, kProcess, &asker.access})
        .is_allowed;
}

char view(const Asker& asker) {
    constexpr std::string_view kLetters = "-raF";
    const Reading reading =
        asker.policy.may_read(certificate(asker.name), {kProcess, kAlice, &asker.access});
    return kLetters[static_cast<std::size_t>(reading.view)];
}

bool may(const Asker& asker, Role role) {
    return asker.policy.may(role, certificate(asker.name), kProcess, kHost).is_allowed;
}

bool adopts(const Asker& asker) {
    const lb::v1::Identity who = certificate(asker.name);
    return asker.policy.may_adopt({who, who, kHost, kProcess, {}, {}}).is_allowed;
}

bool issues_tokens(const Asker& asker) {
    constexpr std::uint64_t kGuest = std::uint64_t{1} << static_cast<unsigned>(S::kVmSystem);
    return asker.policy.may_issue_token(certificate(asker.name), {kProcess, kAlice}, kGuest)
        .is_allowed;
}

struct Action {
    const char* what;
    bool (*is_allowed)(const Asker& asker);
};
// In the order of the columns behind the view.
const Action kActions[] = {
    {"count all processes",
     [](const Asker& a) { return a.policy.may_count_all(certificate(a.name)); }},
    {"log what happens",
     [](const Asker& a) { return logs(a, E::kRunning, S::kLogMonitor, kAlice); }},
    {"speak for one's host",
     [](const Asker& a) { return logs(a, E::kVMStop, S::kVmManager, kAlice); }},
    {"tag", [](const Asker& a) { return logs(a, E::kUserTag, S::kUserInterface, kAlice); }},
    {"register", [](const Asker& a) { return logs(a, E::kRegJob, S::kUserInterface, ""); }},
    {"register for another",
     [](const Asker& a) { return logs(a, E::kRegJob, S::kUserInterface, "", "/O=lb/CN=carol"); }},
    {"bind a key", [](const Asker& a) { return logs(a, E::kBind, S::kUserInterface, kAlice); }},
    {"bind a key of nobody's",
     [](const Asker& a) { return logs(a, E::kBind, S::kUserInterface, ""); }},
    {"edit the list",
     [](const Asker& a) { return logs(a, E::kChangeACL, S::kUserInterface, kAlice); }},
    {"grant the payload",
     [](const Asker& a) { return logs(a, E::kGrantPayloadOwnership, S::kUserInterface, kAlice); }},
    {"adopt", adopts},
    {"deliver others' events", [](const Asker& a) { return may(a, Role::kForwarder); }},
    {"issue tokens", issues_tokens},
    {"administer",
     [](const Asker& a) { return a.policy.may_administer(certificate(a.name)).is_allowed; }},
    {"purge", [](const Asker& a) { return may(a, Role::kPurger); }},
    {"statistics", [](const Asker& a) { return may(a, Role::kStatistician); }},
};

std::string row_of(const Asker& asker) {
    std::string row(1, view(asker));
    for (const Action& action : kActions) row += action.is_allowed(asker) ? '+' : '.';
    return row;
}

//                       view, then: count, log, host, tag, register, for another, bind, bind
//                       nobody's, list, grant, adopt, deliver, tokens, administer, purge,
//                       statistics
constexpr char kNobody[] = "-................";

struct RoleRow {
    Role role;
    const char* gives;
};
// A foreign registrar is one only beside being a registrar; and for a host speaks who has its
// certificate, or whom the rule lets.
constexpr RoleRow kRoles[] = {
    {Role::kForwarder, "-...........+...."}, {Role::kOrigin, "-.+.............."},
    {Role::kRegistrar, "-....+..+........"}, {Role::kAdopter, "-..........+....."},
    {Role::kReader, "F+..............."},    {Role::kAdmin, "F++++++.++++.++++"},
    {Role::kGrantor, "-.........+......"},   {Role::kAnonymousReader, "a................"},
    {Role::kMonitor, "r................"},   {Role::kStatistician, "-+..............+"},
    {Role::kPurger, "-..............+."},    {Role::kForeignRegistrar, kNobody},
};

TEST_CASE("every role gives what the table says, and a denial takes it away") {
    REQUIRE(std::size(kRoles) == kRoleCount);
    CHECK(row_of({policy_of("")}) == kNobody);
    for (const RoleRow& one : kRoles) {
        const std::string allow = rule("allow", to_string(one.role));
        const std::string deny = rule("deny", to_string(one.role));
        INFO(to_string(one.role));
        CHECK(row_of({policy_of(allow)}) == one.gives);
        CHECK(row_of({policy_of(allow + deny)}) == kNobody);
        CHECK(row_of({policy_of(deny)}) == kNobody);
        // Everything at once, but for this.
        std::string others;
        for (const RoleRow& other : kRoles)
            if (other.role != one.role && other.role != Role::kAdmin)
                others += rule("allow", to_string(other.role));
        const std::string with = row_of({policy_of(others + allow)});
        const std::string without = row_of({policy_of(others + deny)});
        for (std::size_t i = 0; i < std::size(kActions); ++i) {
            INFO(kActions[i].what);
            const bool is_given = one.gives[i + 1] == '+';
            if (is_given) CHECK(with[i + 1] == '+');
            if (is_given && one.role != Role::kAdmin && i != 0) CHECK(without[i + 1] == '.');
        }
    }
    CHECK(row_of({policy_of(rule("allow", "origin") + "speaks_for = ['*']\n")}) ==
          "-.++.............");
    const std::string both = rule("allow", "registrar") + rule("allow", "foreign-registrar");
    CHECK(row_of({policy_of(both)}) == "-....++.+........");
}

state::Access listed(const std::string& who, state::Right right, bool is_denial = false) {
    state::Access access;
    access.entries = {{right, is_denial, state::AccessEntry::Kind::kPerson, "/O=lb/CN=" + who}};
    return access;
}

state::Access payload_of(const std::string& who) {
    state::Access access;
    access.payload_owner = "/O=lb/CN=" + who;
    return access;
}

TEST_CASE("every relation to a process gives what the table says") {
    constexpr char kOwner[] = "F...+..+.++..+...";
    constexpr char kTags[] = "-...+............";
    constexpr char kReads[] = "F................";
    constexpr char kReadsAndTags[] = "F...+............";
    constexpr char kReader[] = "F+...............";
    const std::string no_reader = rule("deny", "reader");
    const state::Access bob_reads = listed("bob", state::Right::kRead);
    const struct {
        std::string policy;
        std::string name;
        state::Access access;
        const char* gives;
    } cases[] = {
        {"", "alice", {}, kOwner},
        {no_reader, "alice", {}, kOwner},
        {"", "carol", {}, kNobody},
        {"", "bob", payload_of("bob"), kReadsAndTags},
        {"", "carol", payload_of("bob"), kNobody},
        {"", "bob", bob_reads, kReads},
        {"", "carol", bob_reads, kNobody},
        {"", "bob", listed("bob", state::Right::kTag), kTags},
        {"", "bob", listed("bob", state::Right::kRead, true), kNobody},
        // The site's word stands above the list's, both ways.
        {no_reader, "bob", bob_reads, kNobody},
        {rule("allow", "reader"), "bob", listed("bob", state::Right::kRead, true), kReader},
        // Who is shown less sees everything of what he was let into.
        {rule("allow", "monitor"), "bob", bob_reads, kReads},
    };
    for (const auto& one : cases) {
        INFO(one.policy << one.name);
        CHECK(row_of({policy_of(one.policy), one.name, one.access}) == one.gives);
    }
}

}  // namespace
}  // namespace lb::authz
