// What the doctor says of what daemons say of themselves.
#include "bkserver/cli/diagnosis.h"

#include <catch2/catch.hpp>

#include "common/event/time_text.h"

using namespace lb::cli;

namespace {

constexpr std::int64_t kNowUs = 1'800'000'000'000'000;
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kDayUs = 86'400 * kSecondUs;

std::string at(std::int64_t difference_us) {
    return lb::event::time_to_text(kNowUs + difference_us);
}

}  // namespace

TEST_CASE("a certificate: valid, about to end, ended, none") {
    const auto judge = [](std::int64_t left_us) {
        return judge_certificate("lb-interlogd",
                                 {{"identity", "/CN=host/a"}, {"certificate_expires", at(left_us)}},
                                 kNowUs);
    };
    CHECK(judge(90 * kDayUs).grade == Grade::kOk);
    CHECK(judge(90 * kDayUs).text == "/CN=host/a, valid for 90 days");
    CHECK(judge(5 * kDayUs).grade == Grade::kWarning);
    CHECK(judge(5 * kDayUs).remedy.find("systemctl reload lb-interlogd") != std::string::npos);
    CHECK(judge(-3 * kDayUs).grade == Grade::kProblem);
    CHECK(judge(-3 * kDayUs).text == "/CN=host/a, ended 3 days ago");
    CHECK(judge_certificate("lb-bkserver", Json::object(), kNowUs).grade == Grade::kSkipped);
}

TEST_CASE("a clock counts as wrong when states may come out wrong") {
    CHECK(judge_clock("lb", Json{{"clock_offset_us", 4'000'000}}).grade == Grade::kOk);
    CHECK(judge_clock("lb", Json{{"clock_offset_us", -4'000'000}}).grade == Grade::kOk);
    CHECK(judge_clock("lb", Json{{"clock_offset_us", 6'000'000}}).grade == Grade::kProblem);
    CHECK(judge_clock("lb", Json{{"clock_offset_us", -6'000'000}}).grade == Grade::kProblem);
    CHECK(judge_clock("lb", Json::object()).grade == Grade::kSkipped);
}

TEST_CASE("a destination that cannot be reached is a problem, a slow one a warning") {
    Json row = {{"destination", "lb.example.org:9000"}, {"state", "sending"}, {"unsettled", 0}};
    CHECK(judge_destination(row, kNowUs).grade == Grade::kOk);
    row["unsettled"] = 7;
    row["oldest"] = at(-10 * kSecondUs);
    CHECK(judge_destination(row, kNowUs).grade == Grade::kOk);
    row["oldest"] = at(-3600 * kSecondUs);
    CHECK(judge_destination(row, kNowUs).grade == Grade::kWarning);
    row["state"] = "backing off";
    row["failure"] = "connection refused";
    const Finding finding = judge_destination(row, kNowUs);
    CHECK(finding.grade == Grade::kProblem);
    CHECK(finding.text.find("connection refused") != std::string::npos);
    CHECK(finding.remedy.find("lbctl spool retry lb.example.org:9000") != std::string::npos);
}

TEST_CASE("a destination whose spool fails is a problem, connected or not") {
    const Json row = {{"destination", "lb.example.org:9000"},
                      {"state", "sending"},
                      {"spool_failure", "reading 1.seg: Input/output error"}};
    const Finding finding = judge_destination(row, kNowUs);
    CHECK(finding.grade == Grade::kProblem);
    CHECK(finding.text.find("Input/output error") != std::string::npos);
    CHECK(finding.remedy.find("disk") != std::string::npos);
}

TEST_CASE("events in quarantine can be sent again, what is damaged cannot") {
    const lb::spool::QuarantinedSpan event{"/q/event-lb.example.org_9000-0a.span", 10, "why"};
    const lb::spool::QuarantinedSpan damage{"/q/lb.example.org_9000.bulk.1.64.span", 10, "why"};
    CHECK(judge_quarantine({}).grade == Grade::kOk);
    const Finding events = judge_quarantine({event});
    CHECK(events.grade == Grade::kWarning);
    CHECK(events.remedy.find("lbctl spool replay") != std::string::npos);
    CHECK(events.remedy.find("remove") == std::string::npos);
    const Finding damages = judge_quarantine({damage, damage});
    CHECK(damages.text.starts_with("2 pieces"));
    CHECK(damages.remedy.find("replay") == std::string::npos);
    const lb::spool::QuarantinedSpan dropped{"/q/drop-0a.span", 10, "why"};
    CHECK(
        judge_quarantine({event, damage, dropped}).text ==
        "1 events that their server could not settle, 1 pieces of the spool that are no records, 1 "
        "files of the drop directory that hold no events");
}

TEST_CASE("a backlog matters by its age") {
    CHECK(judge_age("spool", 0, 0, kNowUs).grade == Grade::kOk);
    CHECK(judge_age("spool", 1000, kNowUs - kSecondUs, kNowUs).grade == Grade::kOk);
    CHECK(judge_age("spool", 1, kNowUs - 600 * kSecondUs, kNowUs).grade == Grade::kWarning);
    CHECK(
        judge_forwarder({{"host", "a"}, {"unsettled", 1}, {"oldest", at(-600 * kSecondUs)}}, kNowUs)
            .grade == Grade::kWarning);
}

TEST_CASE("what the logger did not take, and whether anything came at all") {
    CHECK(judge_refusals(Json::object()).grade == Grade::kOk);
    CHECK(judge_refusals({{"events_denied", 1}}).grade == Grade::kWarning);
    CHECK(judge_refusals({{"events_failed", 1}}).grade == Grade::kProblem);
    CHECK(judge_events({{"events_last_hour", 3}}).grade == Grade::kOk);
    CHECK(judge_events({{"events_last_hour", 0}}).grade == Grade::kWarning);
}

TEST_CASE("whether a hook is called is told by what it logged") {
    const Json programs = {{"lb-hook-libvirt", {{"events", 3}, {"last", at(-600 * kSecondUs)}}}};
    const auto called = judge_calls("libvirt calls the hook", "lb-hook-libvirt", programs, kNowUs);
    REQUIRE(called);
    CHECK(called->grade == Grade::kOk);
    CHECK(called->text == "3 events since lb-logd started, the last 10 minutes ago");
    CHECK_FALSE(judge_calls("XAPI calls the hooks", "lb-hook-xapi", programs, kNowUs));
}

TEST_CASE("every finding that is not well says what to do") {
    for (const Finding& finding :
         {judge_events(Json::object()), judge_refusals({{"events_refused", 1}}),
          judge_clock("lb", Json{{"clock_offset_us", 9'000'000}}),
          judge_age("spool", 1, kNowUs - kDayUs, kNowUs)}) {
        CAPTURE(finding.check);
        CHECK(!finding.remedy.empty());
    }
}
