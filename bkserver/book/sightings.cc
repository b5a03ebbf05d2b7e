#include "bkserver/book/sightings.h"

#include <algorithm>

#include "common/base/limits.h"

namespace lb::book {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

state::ViewInput input_of(std::span<const store::Heartbeat> heartbeats, std::int64_t now_us) {
    state::ViewInput input;
    input.now_us = now_us;
    for (const store::Heartbeat& beat : heartbeats)
        input.heartbeats.push_back({beat.reporter.substr(0, beat.reporter.find('/')), beat.time_us,
                                    std::int64_t{beat.uptime_s} * kSecondUs});
    return input;
}

void add_loggers(std::span<const store::Logger> loggers, state::ViewInput& input) {
    for (const store::Logger& logger : loggers)
        input.loggers.push_back({.who = logger.host, .at_us = logger.seen_us});
}

}  // namespace

Result<state::ViewInput> sightings_of(store::Reader& reader, const store::Process& process,
                                      const state::Registers& registers, std::int64_t now_us) {
    std::vector<store::Heartbeat> heartbeats;
    if (process.has_heartbeats) {
        LB_TRY_ASSIGN(heartbeats, reader.heartbeats_of(process.number));
    }
    state::ViewInput input = input_of(heartbeats, now_us);
    LB_TRY_ASSIGN(const auto loggers, reader.loggers_of(state::hosts_of(registers)));
    add_loggers(loggers, input);
    return input;
}

Result<state::ViewInput> HeardLoggers::sightings_of(store::Reader& reader,
                                                    std::span<const store::Heartbeat> heartbeats,
                                                    const state::Registers& registers,
                                                    std::int64_t now_us) {
    state::ViewInput input = input_of(heartbeats, now_us);
    std::vector<std::string> hosts = state::hosts_of(registers);
    leave_out_heard(hosts, input.silent_at_us());
    if (hosts.empty()) return input;
    LB_TRY_ASSIGN(const auto loggers, reader.loggers_of(hosts));
    add_loggers(loggers, input);
    remember(hosts, loggers, now_us);
    return input;
}

void HeardLoggers::leave_out_heard(std::vector<std::string>& hosts, std::int64_t silent_at_us) {
    const std::lock_guard lock(mutex_);
    std::erase_if(hosts, [&](const std::string& host) {
        const auto heard_us = heard_us_.take(host);
        if (!heard_us || *heard_us <= silent_at_us) return false;
        heard_us_.put(host, *heard_us);
        return true;
    });
}

void HeardLoggers::remember(std::span<const std::string> hosts,
                            std::span<const store::Logger> loggers, std::int64_t now_us) {
    const std::lock_guard lock(mutex_);
    // Another server, by a clock of its own, may write down the first word of a logger.
    for (const std::string& host : hosts) heard_us_.put(host, now_us - limits::kSkewUsMax);
    for (const store::Logger& logger : loggers) heard_us_.put(logger.host, logger.seen_us);
}

}  // namespace lb::book
