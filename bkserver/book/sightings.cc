#include "bkserver/book/sightings.h"

#include <algorithm>

namespace lb::book {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

void add_heartbeats(std::span<const store::Heartbeat> heartbeats, state::ViewInput& input) {
    for (const store::Heartbeat& beat : heartbeats)
        input.heartbeats.push_back({beat.reporter.substr(0, beat.reporter.find('/')), beat.time_us,
                                    std::int64_t{beat.uptime_s} * kSecondUs});
}

Status add_loggers(store::Reader& reader, std::span<const std::string> hosts,
                   state::ViewInput& input) {
    if (hosts.empty()) return {};
    LB_TRY_ASSIGN(const auto loggers, reader.loggers_of(hosts));
    for (const store::Logger& logger : loggers)
        input.loggers.push_back({.who = logger.host, .at_us = logger.seen_us});
    return {};
}

}  // namespace

Result<state::ViewInput> sightings_of(store::Reader& reader, const store::SightedProcess& sighted,
                                      const state::Registers& registers, std::int64_t now_us) {
    state::ViewInput input;
    input.now_us = now_us;
    add_heartbeats(sighted.heartbeats, input);
    std::vector<std::string> hosts = state::hosts_of(registers);
    const auto own = std::find(hosts.begin(), hosts.end(), sighted.process.host);
    if (own != hosts.end()) {
        if (sighted.logger)
            input.loggers.push_back(
                {.who = sighted.logger->host, .at_us = sighted.logger->seen_us});
        hosts.erase(own);
    }
    LB_TRY(add_loggers(reader, hosts, input));
    return input;
}

Result<state::ViewInput> sightings_of(store::Reader& reader, store::ProcessNumber process,
                                      const state::Registers& registers, std::int64_t now_us) {
    state::ViewInput input;
    input.now_us = now_us;
    LB_TRY_ASSIGN(const auto heartbeats, reader.heartbeats_of(process));
    add_heartbeats(heartbeats, input);
    LB_TRY(add_loggers(reader, state::hosts_of(registers), input));
    return input;
}

}  // namespace lb::book
