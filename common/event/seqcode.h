// Sequence codes: the logical clocks of grid, PBS and Condor jobs (four text formats of the
// original).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

}  // namespace lb::event
