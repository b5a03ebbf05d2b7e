#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bkserver/cli/replay_command.h"

namespace lb::cli {
namespace {

using nlohmann::json;

const std::string kVm = "https://lb.example.org:9000/abc";

struct Ran {
    int exit_code = 0;
    std::vector<json> lines;
    std::string out;
    std::string err;
};

Ran run(const std::string& text, bool is_final = false, ReplayForm form = ReplayForm::kDetect,
        bool is_json = true) {
    char name[] = "/tmp/lb-replay-XXXXXX";
    const int file = mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    std::ofstream(name) << text;
    std::ostringstream out;
    std::ostringstream err;
    Ran ran;
    ran.exit_code = replay({name, form, is_json, is_final}, out, err);
    std::filesystem::remove(name);
    ran.out = out.str();
    ran.err = err.str();
    std::istringstream lines(ran.out);
    for (std::string line; is_json && std::getline(lines, line);)
        ran.lines.push_back(json::parse(line));
    return ran;
}

const std::string kRegistration =
    R"({"type":"RegJob","process":"https://lb.example.org:9000/abc","t":0,"source":"UserInterface","host":"ui","user":"/CN=a","fields":{"jobtype":"VIRTUAL_MACHINE","nsubjobs":0}})"
    "\n";

}  // namespace

TEST_CASE("replay prints one JSON line an event, numbered from 0") {
    const Ran ran = run(
        kRegistration +
        R"({"type":"VMRunning","process":"https://lb.example.org:9000/abc","t":10,"source":"VMManager","host":"n1"})");
    REQUIRE(ran.lines.size() == 2);
    CHECK(ran.exit_code == 0);
    CHECK(ran.lines[1].at("event") == 1);
    CHECK(ran.lines[1].at("process") == kVm);
    CHECK(ran.lines[1].at("verdict") == "applied");
    CHECK(ran.lines[1].at("status").at("vm_state") == "running");
    CHECK(ran.lines[1].at("status").at("stateEnterTimes").at("Running") ==
          "2012-01-01T00:00:10.000000Z");
}

TEST_CASE("replay takes many spellings of one event") {
    const std::vector<std::string> spellings = {
        R"({"type":"vmrunning","jobid":"https://lb.example.org/abc","time":"2012-01-01T00:00:10Z","source":"vmmanager","hostname":"n1"})",
        R"({"event":"VMRunning","jobId":"https://lb.example.org:9000/abc","timestamp":1325376010,"source":"VMManager","fields":{"hostname":"n1"}})",
        R"({"TYPE":"VMRunning","Subject":"https://lb.example.org:9000/abc","Time":1325376010.0,"Source":"VMManager","fields":{"hostname":"n1"}})",
        R"({"type":"VMRunning","job_id":"https://lb.example.org:9000/abc","t":10.0,"source":"VMManager","host":"n1"})",
        R"({"type":"VMRunning","job":"https://lb.example.org:9000/abc","time":"2012-01-01 01:00:10+01:00","source":"VMManager","host":"n1"})",
    };
    for (const std::string& spelling : spellings) {
        const Ran ran = run(kRegistration + spelling, true);
        INFO(spelling << ran.err);
        CHECK(ran.exit_code == 0);
        REQUIRE(ran.lines.size() == 1);
        CHECK(ran.lines[0].at("status").at("vm_phy_hostname") == "n1");
        CHECK(ran.lines[0].at("status").at("stateEnterTime") == "2012-01-01T00:00:10.000000Z");
    }
}

TEST_CASE("replay names a bad line, goes on, and says so at the end") {
    const Ran ran = run(kRegistration + "nonsense\n{\"type\":\"Nonsense\",\"process\":\"" + kVm +
                        "\",\"t\":1}\n\n# a remark\n" + kRegistration);
    CHECK(ran.exit_code == kReplayMalformed);
    REQUIRE(ran.lines.size() == 4);
    CHECK(ran.lines[1].at("verdict") == "malformed");
    CHECK(ran.lines[1].at("status").is_null());
    CHECK(ran.lines[2].at("verdict") == "malformed");
    CHECK(ran.lines[3].at("verdict") == "duplicate");
    CHECK(ran.err.find(":2: ") != std::string::npos);
    CHECK(ran.err.find(":3: \"type\": there is no event type \"Nonsense\"") != std::string::npos);
}

TEST_CASE("replay keeps events until the registration arrives") {
    const Ran ran = run(
        R"({"type":"VMRunning","process":"https://lb.example.org:9000/abc","t":10,"source":"VMManager","host":"n1"})"
        "\n" +
        kRegistration);
    REQUIRE(ran.lines.size() == 2);
    CHECK(ran.lines[0].at("verdict") == "unregistered");
    CHECK(ran.lines[0].at("status").at("state") == "Unknown");
    CHECK(ran.lines[1].at("status").at("vm_state") == "running");
}

TEST_CASE("replay reads ULM lines") {
    const Ran ran = run(
        "DATE=20120101000000 HOST=\"ui\" PROG=edg-wms LVL=SYSTEM DG.PRIORITY=0 "
        "DG.SOURCE=\"UserInterface\" DG.SRC_INSTANCE=\"\" DG.EVNT=\"RegJob\" "
        "DG.JOBID=\"https://lb.example.org:9000/abc\" DG.SEQCODE=\"\" DG.USER=\"/CN=a\" "
        "DG.REGJOB.JDL=\"\" DG.REGJOB.NS=\"x\" DG.REGJOB.PARENT=\"\" "
        "DG.REGJOB.JOBTYPE=\"VIRTUAL_MACHINE\" DG.REGJOB.NSUBJOBS=\"0\" DG.REGJOB.SEED=\"\"\n"
        "DATE=20120101000010.500000 HOST=\"n1\" LVL=SYSTEM DG.PRIORITY=0 DG.SOURCE=\"VMManager\" "
        "DG.SRC_INSTANCE=\"\" DG.EVNT=\"VMRunning\" DG.JOBID=\"https://lb.example.org:9000/abc\" "
        "DG.SEQCODE=\"\" DG.USER=\"/CN=a\"\n",
        true);
    INFO(ran.err);
    CHECK(ran.exit_code == 0);
    REQUIRE(ran.lines.size() == 1);
    CHECK(ran.lines[0].at("status").at("vm_state") == "running");
}

TEST_CASE("replay adopts what a key implies and joins it when the key is bound") {
    const std::string key = "libvirt-uuid:/6b1a2a9e-4f3c-4e0f-9d52-0d1f0b6a7c11";
    const std::string seen = R"({"type":"VMRunning","key":")" + key +
                             R"(","t":10,"source":"VMManager","host":"n1"})" + "\n";
    const Ran adopted = run(seen, true);
    REQUIRE(adopted.lines.size() == 1);
    CHECK(adopted.lines[0].at("status").at("adopted") == true);
    CHECK_FALSE(adopted.lines[0].at("status").contains("owner"));
    const std::string bind =
        R"({"type":"Bind","process":"https://lb.example.org:9000/abc","key":")" + key +
        R"(","t":1,"source":"CloudManager","host":"one"})" + "\n";
    const std::string later = R"({"type":"VMStop","key":")" + key +
                              R"(","t":20,"source":"VMManager","host":"n1"})" + "\n";
    const Ran bound = run(seen + kRegistration + bind + later, true);
    INFO(bound.err);
    REQUIRE(bound.lines.size() == 1);
    CHECK(bound.lines[0].at("process") == kVm);
    CHECK(bound.lines[0].at("status").at("vm_state") == "stopped");
    CHECK(bound.lines[0].at("status").at("stateEnterTimes").contains("Running"));
}

TEST_CASE("replay has lines for people, and help with examples") {
    const Ran ran = run(kRegistration, false, ReplayForm::kDetect, false);
    CHECK(ran.out.find("RegJob") != std::string::npos);
    CHECK(ran.out.find("Submitted (pending)") != std::string::npos);
    CLI::App lbctl;
    int exit_code = 0;
    add_replay_command(lbctl, exit_code);
    CHECK(lbctl.get_subcommand("replay")->help().find("lbctl replay --json") != std::string::npos);
}

TEST_CASE("replay says what it could not read") {
    std::ostringstream out;
    std::ostringstream err;
    CHECK(replay({"/nonexistent", ReplayForm::kDetect, true, false}, out, err) ==
          kReplayUnreadable);
    CHECK(err.str().find("/nonexistent") != std::string::npos);
    CHECK(run("{}", false, ReplayForm::kDocument).exit_code == kReplayUnreadable);
}

}  // namespace lb::cli
