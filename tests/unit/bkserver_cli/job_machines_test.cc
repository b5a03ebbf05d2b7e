// A job that names a machine's host name as its node, at a time when the machine had it.
#include "bkserver/cli/job_machines.h"

#include <catch2/catch.hpp>

using lb::cli::has_run_on;
using lb::cli::host_names_of;
using lb::cli::Json;
using lb::cli::nodes_of;

namespace {

std::string at(int hour) {
    return "2026-11-25T" + std::string(hour < 10 ? "0" : "") + std::to_string(hour) + ":00:00Z";
}

Json job(int began, int ended = -1) {
    Json times = {{"Running", at(began)}};
    if (ended >= 0) times["Done"] = at(ended);
    return {{"jobtype", "simple"}, {"ce_node", "web1.example.org"}, {"stateEnterTimes", times}};
}

Json machine(const Json& placements) {
    return {{"jobtype", "virtual_machine"},
            {"vm_hostname", "web1.example.org"},
            {"placements", placements}};
}

}  // namespace

TEST_CASE("a job has run on the machine that was up under the name of its node") {
    const Json up = machine(
        {{{"host", "n1"}, {"from", at(3)}, {"to", at(5)}}, {{"host", "n2"}, {"from", at(8)}}});
    CHECK(has_run_on(job(4, 6), up));
    CHECK(has_run_on(job(2, 4), up));
    CHECK(has_run_on(job(9), up));
    CHECK(has_run_on(job(1), up));
    CHECK_FALSE(has_run_on(job(5, 8), up));
    CHECK_FALSE(has_run_on(job(1, 2), up));
    Json elsewhere = job(4, 6);
    elsewhere["ce_node"] = "web2.example.org";
    CHECK_FALSE(has_run_on(elsewhere, up));
    Json by_its_short_name = job(4, 6);
    by_its_short_name["ce_node"] = "web1";
    CHECK(has_run_on(by_its_short_name, up));
}

TEST_CASE("a name that came with an address counts while the machine had the address") {
    const Json moved = {
        {"jobtype", "virtual_machine"},
        {"addresses",
         {{"192.0.2.7", {{"hostname", "web1.example.org"}, {"from", at(3)}, {"to", at(5)}}}}}};
    CHECK(host_names_of(moved) == std::vector<std::string>{"web1.example.org"});
    CHECK(has_run_on(job(4, 6), moved));
    CHECK_FALSE(has_run_on(job(6, 7), moved));
}

TEST_CASE("a job that was cancelled and runs again runs still") {
    Json again = job(6);
    again["stateEnterTimes"]["Cancelled"] = at(5);
    CHECK(has_run_on(again, machine({{{"host", "n1"}, {"from", at(9)}}})));
}

TEST_CASE("nothing is guessed of a job that has not run, nor of what is no machine") {
    Json waits = job(4);
    waits["stateEnterTimes"].erase("Running");
    CHECK(nodes_of(waits).empty());
    CHECK_FALSE(has_run_on(waits, machine(Json::array())));
    CHECK(host_names_of({{"jobtype", "physical_machine"}, {"vm_hostname", "n1"}}).empty());
    Json host = machine({{{"host", "n1"}, {"from", at(3)}}});
    host["jobtype"] = "physical_machine";
    CHECK_FALSE(has_run_on(job(4, 6), host));
}
