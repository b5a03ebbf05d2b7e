// Random lives of machines: events of all kinds from few or many parties, with repeats, skewed
// clocks and nonsense. Seeded: one seed and shape is one life.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bkserver/state/engine.h"

namespace lb::test {

struct LifeEvent {
    event::Event event;
    std::string origin;  // 16 bytes
    std::uint64_t counter = 0;
    std::int64_t accepted_at_us = 0;
    std::string event_id;

    [[nodiscard]] event::Arrival arrival() const {
        return {origin, counter, accepted_at_us, event_id};
    }
};

struct LifeShape {
    std::size_t events = 40;
    std::size_t hosts = 3;
    std::size_t names = 5;  // of tags, relations, addresses
    const char* jobtype = "VIRTUAL_MACHINE";
};

std::vector<LifeEvent> random_life(unsigned seed, const LifeShape& shape);

// The registers after these events, from nothing, as a server folds them: what comes before the
// registration waits for it.
state::Registers fold(const std::vector<LifeEvent>& events);

}  // namespace lb::test
