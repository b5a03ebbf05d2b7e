// What reduced and anonymized views show.
#include "bkserver/query/views.h"

#include <catch2/catch.hpp>

namespace lb::query {
namespace {

Row whole() {
    return {{"jobId", "https://lb.example.org:9000/x"},
            {"state", "Running"},
            {"jobtype", "simple"},
            {"owner", "certificate:/O=lb/CN=alice"},
            {"payload_owner", "certificate:/O=lb/CN=alice"},
            {"jdl",
             "[ Type = \"Job\"; VirtualOrganisation = \"atlas\"; Secret = \"s\"; MyJobType = 1 ]"},
            {"user_tags", {{"mail", "alice@example.org"}}},
            {"vm_state", "running"},
            {"destination", "ce1.example.org"},
            {"reason", "alice said so"},
            {"acl", "<gacl><person><dn>/O=lb/CN=alice</dn></person></gacl>"},
            {"access_rights", {"READ allowed to DN /O=lb/CN=alice"}},
            {"stateEnterTime", "2026-11-01T10:00:00.000000Z"}};
}

TEST_CASE("the whole view is whole") {
    Row row = whole();
    restrict_row(row, authz::View::kFull, "salt");
    CHECK(row == whole());
}

TEST_CASE("the reduced view has state and times, and nobody's name") {
    Row row = whole();
    restrict_row(row, authz::View::kReduced, "salt");
    CHECK(row["state"] == "Running");
    CHECK(row["vm_state"] == "running");
    CHECK(row["destination"] == "ce1.example.org");
    CHECK(row["jdl"] == "[ VirtualOrganisation =  \"atlas\"; Type =  \"Job\"; ]");
    CHECK(row.dump().find("alice") == std::string::npos);
    CHECK(row.dump().find("Secret") == std::string::npos);
}

TEST_CASE("the anonymized view has a pseudonym for each person") {
    Row row = whole();
    restrict_row(row, authz::View::kAnonymized, "salt");
    CHECK(row["owner"] == row["payload_owner"]);
    CHECK(row["owner"].get<std::string>().starts_with("anonymous:"));
    CHECK(row.dump().find("alice") == std::string::npos);
    Row again = whole();
    restrict_row(again, authz::View::kAnonymized, "salt");
    CHECK(again == row);
    restrict_row(again = whole(), authz::View::kAnonymized, "pepper");
    CHECK(again["owner"] != row["owner"]);
}

TEST_CASE("no view is nothing") {
    Row row = whole();
    restrict_row(row, authz::View::kNone, "salt");
    CHECK(row.empty());
}

TEST_CASE("a filter tells nothing that the view does not show") {
    CHECK(may_filter_by("owner", authz::View::kFull));
    CHECK_FALSE(may_filter_by("owner", authz::View::kAnonymized));
    CHECK_FALSE(may_filter_by("owner", authz::View::kReduced));
    CHECK(may_filter_by("state", authz::View::kReduced));
    CHECK_FALSE(may_filter_by("vm_phy_hostname", authz::View::kReduced));
    CHECK_FALSE(may_filter_by("state", authz::View::kNone));
}

}  // namespace
}  // namespace lb::query
