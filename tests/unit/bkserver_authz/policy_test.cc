// Every role and action: who may log, register, grant and administer.
#include "bkserver/authz/policy.h"

#include <catch2/catch.hpp>

#include "tests/unit/bkserver_authz/policies.h"

namespace lb::authz {
namespace {

event::Event event_of(event::EventType type, event::Source source) {
    event::Event event;
    event.type = static_cast<std::uint16_t>(type);
    event.source = source;
    event.host = "node1.example.org";
    return event;
}

struct Act {
    event::EventType type;
    event::Source source;
    std::string registrant = "certificate:/O=lb/CN=alice";
    state::Access access = {};
};

bool may_log(const Policy& policy, const std::string& name, const Act& act) {
    const lb::v1::Identity who = certificate(name);
    event::Event event = event_of(act.type, act.source);
    return policy
        .may_log({who, who, "node1.example.org", kProcess, event, act.registrant, {}, &act.access})
        .is_allowed;
}

using E = event::EventType;
using S = event::Source;

std::string rule(const std::string& members) {
    return "[[rule]]\nwho = [\"certificate:/O=lb/CN=bob\"]\n" + members + "\n";
}

TEST_CASE("a guest on its channel speaks for its own machine, as VMSystem, and no further") {
    const std::string machine = "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000001";
    const std::string hosts =
        "[[rule]]\nallow = ['forwarder']\nwho = ['certificate:*/CN=host/*']\nhosts = ['own']\n";
    lb::v1::Identity guest;
    guest.set_kind(lb::v1::IDENTITY_KIND_CHANNEL);
    guest.set_name(machine);
    const auto says = [&](const std::string& policy, const std::string& subject, E type, S source,
                          const std::string& forwarder = "host/node1.example.org") {
        const event::Event event = event_of(type, source);
        return policy_of(policy)
            .may_log({certificate(forwarder), guest, "node1.example.org", subject, event, {}})
            .is_allowed;
    };
    CHECK(says(hosts, machine, E::kVMRunning, S::kVmSystem));
    CHECK(says(hosts, machine, E::kUserTag, S::kVmSystem));
    CHECK_FALSE(says(hosts, machine, E::kVMRunning, S::kVmManager));
    CHECK_FALSE(says(hosts, machine, E::kRegJob, S::kVmSystem));
    CHECK_FALSE(says(hosts, machine, E::kChangeACL, S::kVmSystem));
    CHECK_FALSE(says(hosts, "libvirt-uuid:/6b1a2a9e-0000-4000-8000-000000000002", E::kVMRunning,
                     S::kVmSystem));
    CHECK_FALSE(says(hosts, kProcess, E::kVMRunning, S::kVmSystem));
    // Its host must be one that may deliver, and vouch for channels.
    CHECK_FALSE(says("", machine, E::kVMRunning, S::kVmSystem));
    CHECK_FALSE(says(hosts, machine, E::kVMRunning, S::kVmSystem, "host/node2.example.org"));
    CHECK_FALSE(says(hosts + "vouches = ['uid']\n", machine, E::kVMRunning, S::kVmSystem));
    CHECK_FALSE(says(hosts + "[[rule]]\ndeny = ['origin']\nwho = ['channel:*']\n", machine,
                     E::kVMRunning, S::kVmSystem));
}

TEST_CASE("what each role gives, and what it does not") {
    const Act tag{E::kUserTag, S::kUserInterface};
    const Act running{E::kRunning, S::kLogMonitor};
    const Act cream{E::kCREAMRunning, S::kCreamExecutor};
    const Act descr{E::kCurDescr, S::kWorkloadManager};
    const Act registration{E::kRegJob, S::kUserInterface, {}};
    const Act grant{E::kGrantPayloadOwnership, S::kUserInterface};
    const Act take{E::kTakePayloadOwnership, S::kUserInterface};
    const Act list{E::kChangeACL, S::kUserInterface};
    const Act bind{E::kBind, S::kUserInterface};
    const struct {
        const char* what;
        std::string policy;
        Act act;
        bool is_allowed;
    } cases[] = {
        {"no rule, running", "", running, false},
        {"no rule, registration", "", registration, false},
        {"no rule, tag", "", tag, false},
        {"origin", rule("allow = ['origin']"), running, true},
        {"origin does not speak for the owner", rule("allow = ['origin']"), tag, false},
        {"origin for the owner's source", rule("allow = ['origin']\nsources = ['UserInterface']"),
         tag, true},
        {"origin does not register", rule("allow = ['origin']"), registration, false},
        {"origin does not change the list",
         rule("allow = ['origin']\nsources = ['*']\nevents = ['ChangeACL']"), list, false},
        {"LOG_CE_EVENTS", rule("allow = ['origin']\nevents = ['ce']"), running, true},
        {"LOG_CE_EVENTS, CREAM", rule("allow = ['origin']\nevents = ['ce']"), cream, true},
        {"LOG_CE_EVENTS, not a description", rule("allow = ['origin']\nevents = ['ce']"), descr,
         false},
        {"LOG_GENERAL_EVENTS", rule("allow = ['origin']\nevents = ['general']"), descr, true},
        {"LOG_GENERAL_EVENTS, not running", rule("allow = ['origin']\nevents = ['general']"),
         running, false},
        {"LOG_WMS_EVENTS", rule("allow = ['origin']\nevents = ['wms']"), running, true},
        {"LOG_WMS_EVENTS, not CREAM", rule("allow = ['origin']\nevents = ['wms']"), cream, false},
        {"origin, denied",
         rule("allow = ['origin']") + rule("deny = ['origin']\nevents = ['Running']"), running,
         false},
        {"registrar", rule("allow = ['registrar']"), registration, true},
        {"registrar by the original's name", rule("allow = ['REGISTER_JOBS']"), registration, true},
        {"registrar, denied", rule("allow = ['registrar']") + rule("deny = ['registrar']"),
         registration, false},
        {"grant without role", rule("allow = ['origin']\nsources = ['*']"), grant, false},
        {"grantor", rule("allow = ['grantor']"), grant, true},
        {"take what was granted", "", take, true},
        {"bind another's process", rule("allow = ['registrar']"), bind, false},
        {"administrator changes the list", rule("allow = ['admin']"), list, true},
        {"administrator logs", rule("allow = ['ADMIN_ACCESS']"), tag, true},
        {"administrator, denied", rule("allow = ['admin']") + rule("deny = ['admin']"), list,
         false},
        {"a group's member",
         "[[group]]\nname = 'atlas'\nmembers = ['certificate:*bob']\n"
         "[[rule]]\nallow = ['origin']\nwho = ['group:atlas']\n",
         running, true},
        {"another group's member",
         "[[group]]\nname = 'cms'\nmembers = ['certificate:*bob']\n"
         "[[rule]]\nallow = ['origin']\nwho = ['group:atlas']\n",
         running, false},
    };
    for (const auto& one : cases) {
        INFO(one.what);
        CHECK(may_log(policy_of(one.policy), "bob", one.act) == one.is_allowed);
    }
}

TEST_CASE("who registered a process is its owner") {
    const Policy policy = policy_of("");
    for (const E type : {E::kUserTag, E::kChangeACL, E::kGrantPayloadOwnership, E::kBind})
        CHECK(may_log(policy, "alice", {type, S::kUserInterface}));
    CHECK_FALSE(may_log(policy, "alice", {E::kRunning, S::kLogMonitor}));
    CHECK_FALSE(may_log(policy, "bob", {E::kUserTag, S::kUserInterface}));
}

TEST_CASE("whom the access list lets tag, and what the owner of a payload says") {
    const auto tags = [](std::vector<state::AccessEntry> entries, std::string payload_owner = {}) {
        return Act{E::kUserTag,
                   S::kUserInterface,
                   "certificate:/O=lb/CN=alice",
                   {std::move(entries), std::move(payload_owner), false}};
    };
    using Kind = state::AccessEntry::Kind;
    const state::AccessEntry tag{state::Right::kTag, false, Kind::kPerson, "/O=lb/CN=bob"};
    const state::AccessEntry no_tag{state::Right::kTag, true, Kind::kPerson, "/O=lb/CN=bob"};
    const state::AccessEntry read{state::Right::kRead, false, Kind::kPerson, "/O=lb/CN=bob"};
    const auto with = [](Act act, E type, S source = S::kUserInterface) {
        act.type = type;
        act.source = source;
        return act;
    };
    const std::string denied = rule("deny = ['origin']");
    const std::string origin = rule("allow = ['origin']\nsources = ['*']");
    const struct {
        const char* what;
        std::string policy;
        Act act;
        bool is_allowed;
    } cases[] = {
        {"tag", "", tags({tag}), true},
        {"tag, from an application", "", with(tags({tag}), E::kUserTag, S::kApplication), true},
        {"tag, from a source that is not the owner's", "",
         with(tags({tag}), E::kUserTag, S::kLogMonitor), false},
        {"read is not tag", "", tags({read}), false},
        {"tag is tags alone", "", with(tags({tag}), E::kCancel), false},
        {"tag does not edit the list", "", with(tags({tag}), E::kChangeACL), false},
        {"tag, denied too", "", tags({tag, no_tag}), false},
        {"tag, denied by the site", denied, tags({tag}), false},
        {"denied by the list, allowed by the site", origin, tags({no_tag}), true},
        {"owner of the payload", "", tags({}, "/O=lb/CN=bob"), true},
        {"owner of the payload, other events", "", with(tags({}, "/O=lb/CN=bob"), E::kCancel),
         true},
        {"owner of the payload, other sources", "",
         with(tags({}, "/O=lb/CN=bob"), E::kRunning, S::kLogMonitor), false},
        {"owner of the payload does not edit the list", "",
         with(tags({}, "/O=lb/CN=bob"), E::kChangeACL), false},
        {"owner of the payload, denied by the site", denied, tags({}, "/O=lb/CN=bob"), false},
        {"owner of another payload", "", tags({}, "/O=lb/CN=carol"), false},
    };
    for (const auto& one : cases) {
        INFO(one.what);
        CHECK(may_log(policy_of(one.policy), "bob", one.act) == one.is_allowed);
    }
}

TEST_CASE("who registered under another name of his is the owner still") {
    const Policy policy = policy_of(
        "[[same]]\nidentity = 'certificate:/O=lb/CN=bob'\nalso = ['uid:7@node1.example.org']\n");
    lb::v1::Identity local;
    local.set_kind(lb::v1::IDENTITY_KIND_UID);
    local.set_name("7");
    local.set_realm("node1.example.org");
    for (const E type : {E::kUserTag, E::kChangeACL, E::kBind}) {
        const event::Event event = event_of(type, S::kUserInterface);
        for (const char* registrant : {"certificate:/O=lb/CN=bob", "uid:7@node1.example.org"})
            for (const lb::v1::Identity& who : {local, certificate("bob")})
                CHECK(policy.may_log({who, who, "node1", kProcess, event, registrant}).is_allowed);
    }
}

TEST_CASE("who registers for somebody else needs a role for that") {
    const auto may = [](const std::string& policy, const std::string& user,
                        const std::string& registrant = {}) {
        const lb::v1::Identity bob = certificate("bob");
        event::Event event = event_of(E::kRegJob, S::kUserInterface);
        event.user = user;
        return policy_of(policy)
            .may_log({bob, bob, "node1", kProcess, event, registrant})
            .is_allowed;
    };
    const std::string registrar = rule("allow = ['registrar']");
    const std::string foreign = rule("allow = ['REGISTER_JOBS', 'REGISTER_FOREIGN']");
    constexpr char kAlice[] = "certificate:/O=lb/CN=alice";
    CHECK(may(registrar, "/O=lb/CN=bob"));
    CHECK(may(registrar, "certificate:/O=lb/CN=bob"));
    CHECK(may(registrar, "bob, at night"));
    for (const char* alice : {"/O=lb/CN=alice", kAlice}) {
        CHECK_FALSE(may(registrar, alice));
        CHECK(may(foreign, alice));
        CHECK(may(foreign, alice, kAlice));
        CHECK_FALSE(may(foreign, alice, "certificate:/O=lb/CN=bob"));
        CHECK_FALSE(may(foreign + rule("deny = ['foreign-registrar']"), alice));
        CHECK_FALSE(may(rule("allow = ['foreign-registrar']"), alice));
        CHECK(may(rule("allow = ['admin']"), alice));
    }
    CHECK_FALSE(may(foreign, "", kAlice));
    // One person under two names is not somebody else.
    CHECK(may(registrar + "[[same]]\nidentity = 'certificate:/O=lb/CN=bob'\nalso = ['uid:7']\n",
              "uid:7@node1"));
}

TEST_CASE("a host's manager speaks for its own host, and may tell the names of its machines") {
    const lb::v1::Identity bob = certificate("bob");
    const Policy policy = policy_of(rule("allow = ['origin']\nspeaks_for = ['node1.example.org']"));
    const auto may = [&](E type, const std::string& hostname) {
        event::Event event = event_of(type, S::kVmManager);
        event.set_text("hostname", hostname);
        return policy
            .may_log({bob, bob, "node1.example.org", kProcess, event, "certificate:/O=lb/CN=alice"})
            .is_allowed;
    };
    CHECK(may(E::kVMRunning, "node1.example.org"));
    CHECK_FALSE(may(E::kVMRunning, "node2.example.org"));
    CHECK(may(E::kVMNetwork, "web1.example.org"));
    CHECK(may(E::kVMCreate, "web1.example.org"));
}

TEST_CASE("a parent's owner adds children to it, and who may log such an event for it") {
    const auto may = [](const std::string& policy, const std::string& name, E type, S source,
                        const std::string& user = {}) {
        const lb::v1::Identity who = certificate(name);
        event::Event event = event_of(type, source);
        event.user = user;
        return policy_of(policy)
            .may_add_child({who, who, "node1", kProcess, event, "certificate:/O=lb/CN=alice"})
            .is_allowed;
    };
    const std::string user = rule("allow = ['registrar', 'origin', 'foreign-registrar']");
    CHECK(may("", "alice", E::kRegJob, S::kUserInterface));
    CHECK(may("", "alice", E::kRegJob, S::kUserInterface, "/O=lb/CN=carol"));
    CHECK(may("", "alice", E::kClusterJoin, S::kUserInterface));
    CHECK(may(user, "bob", E::kRegJob, S::kUserInterface, "/O=lb/CN=alice"));
    CHECK_FALSE(may(user, "bob", E::kRegJob, S::kUserInterface));
    CHECK_FALSE(may(user, "bob", E::kClusterJoin, S::kUserInterface));
    CHECK_FALSE(may(user, "bob", E::kClusterJoin, S::kUserInterface, "/O=lb/CN=alice"));
    CHECK(may(user, "bob", E::kClusterJoin, S::kCloudManager));
    CHECK_FALSE(may("", "bob", E::kClusterJoin, S::kCloudManager));
    CHECK(may(rule("allow = ['origin']\nsources = ['UserInterface']"), "bob", E::kClusterJoin,
              S::kUserInterface));
    CHECK(may(rule("allow = ['admin']"), "bob", E::kRegJob, S::kUserInterface));
}

TEST_CASE("whoever registered a process owns it under all his names") {
    const Policy policy = policy_of(
        "[[same]]\nidentity = 'certificate:/O=lb/CN=bob'\nalso = ['uid:7@node1', "
        "'certificate:/O=old/CN=bob']\n");
    const lb::v1::Identity bob = certificate("bob");
    CHECK(policy.is_same("uid:7@node1", "certificate:/O=old/CN=bob"));
    CHECK(policy.is_same("certificate:/O=lb/CN=bob", "uid:7@node1"));
    CHECK_FALSE(policy.is_same("uid:8@node1", "uid:7@node1"));
    CHECK(policy.may_issue_token(bob, {kProcess, "uid:7@node1"}, 0).is_allowed);
    CHECK_FALSE(policy.may_issue_token(bob, {kProcess, "uid:8@node1"}, 0).is_allowed);
    CHECK_FALSE(policy.may_issue_token(bob, {kProcess, ""}, 0).is_allowed);
}

TEST_CASE("a refusal tells nobody who somebody else is") {
    const lb::v1::Identity bob = certificate("bob");
    const std::string text = rule("allow = ['registrar', 'origin', 'foreign-registrar']");
    const Policy policy = policy_of(text);
    for (const E type : {E::kRegJob, E::kBind, E::kChangeACL, E::kUserTag, E::kCancel}) {
        const event::Event event = event_of(type, S::kUserInterface);
        const book::Decision decision =
            policy.may_log({bob, bob, "node1", kProcess, event, "certificate:/O=lb/CN=alice"});
        INFO(decision.reason);
        CHECK_FALSE(decision.is_allowed);
        CHECK(decision.reason.find("alice") == std::string::npos);
    }
    CHECK(policy.may_issue_token(bob, {kProcess, "certificate:/O=lb/CN=alice"}, 0)
              .reason.find("alice") == std::string::npos);
    CHECK(policy.may_read(bob, {kProcess, "certificate:/O=lb/CN=alice"}).reason.find("alice") ==
          std::string::npos);
}

TEST_CASE("roles that ask nothing but who") {
    for (const Role role : {Role::kStatistician, Role::kPurger, Role::kGrantor, Role::kMonitor,
                            Role::kAnonymousReader, Role::kReader, Role::kAdmin, Role::kRegistrar,
                            Role::kForeignRegistrar}) {
        const std::string word(to_string(role));
        INFO(word);
        CHECK(role_of(word) == role);
        CHECK_FALSE(policy_of("").may(role, certificate("bob"), kProcess).is_allowed);
        CHECK(policy_of(rule("allow = ['" + word + "']"))
                  .may(role, certificate("bob"), kProcess)
                  .is_allowed);
        CHECK_FALSE(policy_of(rule("allow = ['" + word + "']"))
                        .may(role, certificate("carol"), kProcess)
                        .is_allowed);
        CHECK(policy_of(rule("allow = ['admin']"))
                  .may(role, certificate("bob"), kProcess)
                  .is_allowed);
        CHECK_FALSE(policy_of(rule("allow = ['" + word + "']") + rule("deny = ['" + word + "']"))
                        .may(role, certificate("bob"), kProcess)
                        .is_allowed);
    }
}

TEST_CASE("who counts everything, so that nobody looks at each process") {
    const auto all = [](const std::string& text) {
        return policy_of(text).may_count_all(certificate("bob"));
    };
    CHECK_FALSE(all(""));
    CHECK_FALSE(all(rule("allow = ['monitor', 'anonymous-reader']")));
    CHECK(all(rule("allow = ['admin']")));
    for (const char* role : {"reader", "statistician", "GET_STATISTICS"}) {
        const std::string allow = "allow = ['" + std::string(role) + "']";
        CHECK(all(rule(allow)));
        CHECK_FALSE(all(rule(allow + "\nprocesses = ['https://lb*']")));
        CHECK_FALSE(all(rule(allow) + rule("deny = ['" + std::string(role) + "']")));
    }
}

TEST_CASE("how far somebody reaches whom no rule lets read what is others'") {
    const auto registrants = [](const std::string& rules, const std::string& who) {
        const auto reach = policy_of(rules).reach(certificate(who));
        return reach ? reach->registrants : std::vector<std::string>{"anybody's"};
    };
    const std::vector<std::string> anybody = {"anybody's"};
    const std::vector<std::string> own = {"certificate:/O=lb/CN=bob"};
    CHECK(registrants("", "bob") == own);
    CHECK(registrants(rule("allow = [\"origin\", \"statistician\"]"), "bob") == own);
    CHECK(registrants(rule("allow = [\"reader\"]"), "bob") == anybody);
    CHECK(registrants(rule("allow = [\"monitor\"]"), "bob") == anybody);
    CHECK(registrants(rule("allow = [\"anonymous-reader\"]\nprocesses = [\"x*\"]"), "bob") ==
          anybody);
    CHECK(registrants(rule("allow = [\"admin\"]"), "bob") == anybody);
    CHECK(registrants(rule("deny = [\"reader\"]"), "bob") == own);
    CHECK(registrants("[[same]]\nidentity = \"certificate:/O=lb/CN=bob\"\n"
                      "also = [\"uid:1000@node1\", \"certificate:/O=old/CN=bob\"]\n",
                      "bob") == std::vector<std::string>{"certificate:/O=lb/CN=bob", "uid:1000",
                                                         "uid:1000@*",
                                                         "certificate:/O=old/CN=bob"});
}

TEST_CASE("pseudonyms are those of the database, unless the file has a salt of its own") {
    Policy one = policy_of("");
    Policy other = policy_of("");
    CHECK(one.salt() != other.salt());
    one.derive_salt("secret");
    other.derive_salt("secret");
    CHECK(one.salt() == other.salt());
    CHECK(one.salt().find("secret") == std::string::npos);
    Policy third = policy_of("");
    third.derive_salt("another secret");
    CHECK(third.salt() != one.salt());
    Policy salted = policy_of("salt = \"of the site\"");
    salted.derive_salt("secret");
    CHECK(salted.salt() == "of the site");
}

TEST_CASE("root of another host is no administrator") {
    const Policy policy = policy_of("");
    lb::v1::Identity root;
    root.set_kind(lb::v1::IDENTITY_KIND_UID);
    root.set_name("0");
    root.set_realm("node1.example.org");
    const event::Event event = event_of(E::kChangeACL, S::kUserInterface);
    const lb::v1::Identity host = certificate("host/node1.example.org");
    CHECK_FALSE(policy.may_log({host, root, "node1.example.org", kProcess, event, "x"}).is_allowed);
    CHECK(policy.may_log({root, root, "node1.example.org", kProcess, event, "x"}).is_allowed);
}

TEST_CASE("a stranger is nobody") {
    const Policy policy = policy_of(
        "[[rule]]\nallow = ['origin', 'registrar', 'reader', 'admin']\nwho = ['certificate:*']\n");
    const lb::v1::Identity stranger;
    CHECK_FALSE(policy.may_administer(stranger).is_allowed);
    CHECK(policy.may_read(stranger, {.process = kProcess, .registrant = ""}).view == View::kNone);
}

}  // namespace
}  // namespace lb::authz
