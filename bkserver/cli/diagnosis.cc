#include "bkserver/cli/diagnosis.h"

#include <cstdlib>

#include "bkserver/cli/table.h"
#include "common/base/limits.h"
#include "common/event/time_text.h"

namespace lb::cli {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kDayUs = 86'400 * kSecondUs;
constexpr std::int64_t kExpiresSoonUs = 30 * kDayUs;
constexpr std::int64_t kWaitsLongUs = 300 * kSecondUs;

std::uint64_t number_of(const Json& row, std::string_view member) {
    const auto found = row.find(std::string(member));
    return found != row.end() && found->is_number() ? found->get<std::uint64_t>() : 0;
}

std::int64_t time_of(const Json& row, std::string_view member) {
    const auto time = event::time_from_text(text_of(row, member));
    return time.ok() ? *time : 0;
}

// "3 days", "12 seconds".
std::string span_text(std::int64_t span_us) {
    const std::int64_t seconds = std::abs(span_us) / kSecondUs;
    if (seconds >= 2 * 86'400) return std::to_string(seconds / 86'400) + " days";
    if (seconds >= 2 * 3600) return std::to_string(seconds / 3600) + " hours";
    if (seconds >= 120) return std::to_string(seconds / 60) + " minutes";
    return std::to_string(seconds) + " seconds";
}

}  // namespace

std::string_view to_string(Grade grade) {
    switch (grade) {
        case Grade::kOk:
            return "ok";
        case Grade::kSkipped:
            return "skipped";
        case Grade::kWarning:
            return "warning";
        case Grade::kProblem:
            return "problem";
    }
    return "";
}

Finding judge_events(const Json& status) {
    const std::uint64_t count = number_of(status, "events_last_hour");
    Finding finding{Grade::kOk, "events of the last hour", std::to_string(count), {}};
    if (count > 0) return finding;
    finding.grade = Grade::kWarning;
    finding.text = "none";
    finding.remedy =
        "normal on an idle host; else start a machine and look at the hook and the "
        "agent above, or try: lb-logevent --help";
    return finding;
}

Finding judge_refusals(const Json& status) {
    const std::uint64_t refused = number_of(status, "events_refused");
    const std::uint64_t denied = number_of(status, "events_denied");
    const std::uint64_t failed = number_of(status, "events_failed");
    Finding finding{Grade::kOk, "events that lb-logd did not take", "none", {}};
    if (refused + denied + failed == 0) return finding;
    finding.grade = failed > 0 ? Grade::kProblem : Grade::kWarning;
    finding.text = std::to_string(refused) + " refused, " + std::to_string(denied) + " denied, " +
                   std::to_string(failed) + " not durable since its start";
    finding.remedy = failed > 0
                         ? "the spool's disk is full or failing: df, dmesg"
                         : "its log names them (LGD_EVENT_REFUSED); see default_destination, "
                           "destinations and sources in logd.toml";
    return finding;
}

std::optional<Finding> judge_calls(std::string_view check, std::string_view program,
                                   const Json& programs, std::int64_t now_us) {
    const auto found = programs.find(std::string(program));
    if (found == programs.end()) return std::nullopt;
    return Finding{Grade::kOk,
                   std::string(check),
                   std::to_string(number_of(*found, "events")) +
                       " events since lb-logd started, the last " +
                       span_text(now_us - time_of(*found, "last")) + " ago",
                   {}};
}

Finding judge_destination(const Json& destination, std::int64_t now_us) {
    const std::string name = text_of(destination, "destination");
    Finding finding{Grade::kOk, "forwarding to " + name, text_of(destination, "state"), {}};
    const std::uint64_t waiting = number_of(destination, "unsettled");
    if (waiting > 0) finding.text += ", " + std::to_string(waiting) + " events wait";
    const std::string spool_failure = text_of(destination, "spool_failure");
    if (!spool_failure.empty()) {
        finding.grade = Grade::kProblem;
        finding.text += ": the spool fails: " + spool_failure;
        finding.remedy =
            "nothing is lost, and lb-interlogd tries again by itself; look after the "
            "disk: df, dmesg";
        return finding;
    }
    const std::string failure = text_of(destination, "failure");
    if (text_of(destination, "state") == "backing off") {
        finding.grade = Grade::kProblem;
        finding.text += ": " + failure;
        finding.remedy =
            "nothing is lost meanwhile; mend what the text says, then: lbctl spool "
            "retry " +
            name;
        return finding;
    }
    const std::int64_t oldest_us = time_of(destination, "oldest");
    if (waiting == 0 || oldest_us == 0 || now_us - oldest_us < kWaitsLongUs) return finding;
    finding.grade = Grade::kWarning;
    finding.text += ", the oldest for " + span_text(now_us - oldest_us);
    finding.remedy = "the server is slow or does not settle: lbctl doctor there";
    return finding;
}

Finding judge_clock(std::string_view whose, const Json& row) {
    Finding finding{Grade::kOk, "clock beside " + std::string(whose), {}, {}};
    const auto found = row.find("clock_offset_us");
    if (found == row.end() || !found->is_number()) {
        finding.grade = Grade::kSkipped;
        finding.text = "not measured yet: there was no connection";
        return finding;
    }
    const auto offset_us = found->get<std::int64_t>();
    finding.text = std::to_string(offset_us / 1000) + " ms";
    if (std::abs(offset_us) <= limits::kSkewUsMax) return finding;
    finding.grade = Grade::kProblem;
    finding.text += ": states that hang on the order of hosts' words may come out wrong";
    finding.remedy = "synchronise both clocks (chrony, systemd-timesyncd)";
    return finding;
}

Finding judge_certificate(std::string_view daemon, const Json& status, std::int64_t now_us) {
    Finding finding{Grade::kOk, "certificate of " + std::string(daemon), {}, {}};
    const std::string text = text_of(status, "certificate_expires");
    if (text.empty()) {
        finding.grade = Grade::kSkipped;
        finding.text = "it has none";
        return finding;
    }
    const std::int64_t left_us = time_of(status, "certificate_expires") - now_us;
    finding.text = text_of(status, "identity") + ", valid for " + span_text(left_us);
    if (left_us > kExpiresSoonUs) return finding;
    finding.grade = left_us > 0 ? Grade::kWarning : Grade::kProblem;
    if (left_us <= 0)
        finding.text = text_of(status, "identity") + ", ended " + span_text(left_us) + " ago";
    finding.remedy =
        "get a new one, put it in the same place, then: systemctl reload " + std::string(daemon);
    return finding;
}

Finding judge_remote_door(const Json& door) {
    const std::uint64_t refused = number_of(door, "refused");
    Finding finding{Grade::kOk,
                    "producers of other hosts",
                    "port " + std::to_string(number_of(door, "port")) + ", " +
                        std::to_string(number_of(door, "connections")) + " connected, " +
                        std::to_string(refused) + " refused",
                    {}};
    if (refused > 0)
        finding.remedy = "who and why: journalctl -u lb-logd | grep LGD_REMOTE_REFUSED";
    return finding;
}

Finding judge_forwarder(const Json& forwarder, std::int64_t now_us) {
    const std::string host = text_of(forwarder, "host");
    return judge_age("backlog of " + host, number_of(forwarder, "unsettled"),
                     time_of(forwarder, "oldest"), now_us);
}

Finding judge_quarantine(const std::vector<spool::QuarantinedSpan>& spans) {
    Finding finding{Grade::kOk, "quarantine", "empty", {}};
    if (spans.empty()) return finding;
    std::size_t events = 0;
    std::size_t dropped = 0;
    for (const spool::QuarantinedSpan& span : spans) {
        if (span.is_event()) ++events;
        if (span.is_dropped_file()) ++dropped;
    }
    const std::size_t damaged = spans.size() - events - dropped;
    finding.grade = Grade::kWarning;
    finding.text.clear();
    finding.remedy = "lbctl spool list names them and says why";
    const auto tell = [&finding](std::size_t count, const char* what, const char* remedy) {
        if (count == 0) return;
        finding.text += (finding.text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
        finding.remedy += std::string("; ") + remedy;
    };
    tell(events, "events that their server could not settle",
         "lbctl spool replay sends the events again");
    tell(damaged, "pieces of the spool that are no records",
         "look after the disk, report what is no record, then remove these files");
    tell(dropped, "files of the drop directory that hold no events",
         "who owns such a file tells what dropped it; remove it then");
    return finding;
}

Finding judge_age(std::string_view check, std::uint64_t waiting, std::int64_t oldest_us,
                  std::int64_t now_us) {
    Finding finding{Grade::kOk, std::string(check), "nothing waits", {}};
    if (waiting == 0) return finding;
    finding.text = std::to_string(waiting) + " events wait";
    if (oldest_us == 0) return finding;
    finding.text += ", the oldest for " + span_text(now_us - oldest_us);
    if (now_us - oldest_us < kWaitsLongUs) return finding;
    finding.grade = Grade::kWarning;
    finding.remedy = "nothing is lost; see the destinations: lbctl spool list";
    return finding;
}

}  // namespace lb::cli
