// Sequence codes: the logical clocks of grid, PBS and Condor jobs (four text formats of the
// original).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/event/table.h"

namespace lb::event {

// UI, NS, WM, BH, JSS, LM, LRMS, APP, LBS
using GridCounters = std::array<std::uint32_t, 9>;
// CLIENT, SERVER, SCHED, SMOM, MOM
using PbsCounters = std::array<std::uint32_t, 5>;

struct CondorCode {
    std::string timestamp;  // as written, padding removed
    std::string position;
    std::uint32_t event_code = 0;
    char source = ' ';  // L M m N C H s S j
};

// Nothing when the text is no such code. A missing LBS counts as 0.
std::optional<GridCounters> parse_grid_code(std::string_view text);
std::optional<PbsCounters> parse_pbs_code(std::string_view text);
std::optional<CondorCode> parse_condor_code(std::string_view text);
std::string to_string(const GridCounters& counters);
std::string to_string(const PbsCounters& counters);

// A code travels with its job from component to component; each of them raises its own counter once
// when it takes the job over, and again after every event that it logs.

// Where the codes of a job begin: all counters 0, in the format of the source's family.
std::string first_code(Source source);
// `code` with the source's own counter one up; of no code at all the first one so. Text as it is
// when the source has no counter there, as with the original: components that came later than the
// format keep the code of whom they have the job from, and Condor's codes are places in its log.
std::string next_code(std::string_view code, Source source);

}  // namespace lb::event
