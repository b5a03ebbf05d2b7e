#include "common/event/process_id.h"

#include <catch2/catch.hpp>

using namespace lb;
using event::Key;
using event::ProcessId;

TEST_CASE("an id is read in any spelling and written in one", "[process_id]") {
    const std::pair<const char*, const char*> spellings[] = {
        {"https://LB.Example.org/abc", "https://lb.example.org:9000/abc"},
        {"https://lb.example.org.:9000/abc", "https://lb.example.org:9000/abc"},
        {"https://lb.example.org..:9000/abc", "https://lb.example.org:9000/abc"},
        {"https://lb.example.org:9001/abc?info", "https://lb.example.org:9001/abc?info"},
        {"https://[2001:DB8:0:0::1]:9000/x", "https://[2001:db8::1]:9000/x"},
        {"https://[::1]/FT:abc", "https://[::1]:9000/FT:abc"},
        {"https://h/123.server", "https://h:9000/123.server"},
    };
    for (const auto& [text, canonical] : spellings) {
        INFO(text);
        const auto id = ProcessId::parse(text);
        REQUIRE(id.ok());
        CHECK(id->to_string() == canonical);
        CHECK(*ProcessId::parse(id->to_string()) == *id);
    }
    CHECK(*ProcessId::parse("https://h/a?one") == *ProcessId::parse("https://h/a?two"));
}

TEST_CASE("what is no id is refused with the reason", "[process_id]") {
    for (const char* text :
         {"", "http://h/x", "https://", "https:///x", "https://h", "https://h/", "https://h:0/x",
          "https://h:99999/x", "https://h:/x", "https://h:9000x/x", "https://h/a b",
          "https://h/a\nb", "https://h/a/b", "https://2001:db8::1/x", "https://[::1/x"}) {
        INFO(text);
        const auto id = ProcessId::parse(text);
        REQUIRE_FALSE(id.ok());
        CHECK(id.error().code == ErrorCode::kReject);
        CHECK(id.error().text.find("process id") != std::string::npos);
    }
    CHECK_FALSE(ProcessId::parse("https://h/" + std::string(300, 'x')).ok());
}

TEST_CASE("everybody arrives at the same id of a machine", "[process_id]") {
    const auto id =
        ProcessId::of_libvirt_uuid("lb.example.org:9000", "6B1A2A9E-3A0F-4C8E-9A51-0D7C4C1D9A01");
    REQUIRE(id.ok());
    // base64url(SHA-256("lb.example.org:9000" "libvirt-uuid/" uuid)[0..15])
    CHECK(id->unique == "nopW1tR1l9QieF399qTDzA");
    const auto key = Key::parse("libvirt-uuid:/6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01");
    CHECK(ProcessId::of_key("LB.example.org", *key)->unique == id->unique);
    CHECK(ProcessId::of_key("lb.example.org:9000", *Key::parse("one-vmid:cloud1/42"))->unique ==
          "cGt6jnO-kM5ZTb-_mICd1Q");
    CHECK_FALSE(ProcessId::of_libvirt_uuid("lb.example.org:9000", "no uuid").ok());
    CHECK_FALSE(ProcessId::of_libvirt_uuid("a b", "6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01").ok());
}

TEST_CASE("children have the ids that the original computed", "[process_id]") {
    const auto parent = ProcessId::parse("https://lb.example.org:9000/abc?info");
    const ProcessId child = parent->child("seed", 7);
    CHECK(child.to_string() == "https://lb.example.org:9000/fUMvHZM_ixz1Yy2SwLjOqQ");
}

TEST_CASE("new ids are 22 characters and never the same", "[process_id]") {
    const auto one = ProcessId::generate("h:1");
    const auto other = ProcessId::generate("h:1");
    CHECK(one->unique.size() == 22);
    CHECK(one->unique != other->unique);
}

TEST_CASE("keys have one spelling", "[process_id]") {
    CHECK(Key::parse("host:/Node1.Example.org.")->to_string() == "host:/node1.example.org");
    CHECK(Key::parse("nova-uuid:/6B1A2A9E-3A0F-4C8E-9A51-0D7C4C1D9A01")->value ==
          "6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01");
    CHECK(Key::parse("condor-id:schedd@h/1.0")->scope == "schedd@h");
    for (const char* text :
         {"", "x", "x:", "x:/", "X:/y", "1x:/y", "-x:/y", "x:a b/c", "libvirt-uuid:/1"}) {
        INFO(text);
        CHECK_FALSE(Key::parse(text).ok());
    }
}
