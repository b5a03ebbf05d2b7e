#include "bkserver/book/sightings.h"

namespace lb::book {

Result<state::ViewInput> sightings_of(store::Reader& reader, store::ProcessNumber process,
                                      const state::Registers& registers, std::int64_t now_us) {
    state::ViewInput input;
    input.now_us = now_us;
    LB_TRY_ASSIGN(const auto heartbeats, reader.heartbeats_of(process));
    for (const store::Heartbeat& beat : heartbeats)
        input.heartbeats.push_back(
            {beat.reporter.substr(0, beat.reporter.find('/')), beat.time_us});
    LB_TRY_ASSIGN(const auto loggers, reader.loggers_of(state::hosts_of(registers)));
    for (const store::Logger& logger : loggers)
        input.loggers.push_back({logger.host, logger.seen_us});
    return input;
}

}  // namespace lb::book
