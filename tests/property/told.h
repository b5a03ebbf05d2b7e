// What is kept and told of a process: two that got the same events are alike in all of it.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "bkserver/query/forms.h"
#include "bkserver/query/timeline.h"
#include "common/base/encoding.h"
#include "tests/unit/bkserver_book/desk.h"

namespace lb::test {

struct Told {
    std::string row;  // of lists
    std::string status;
    std::string registers;  // hexadecimal
    std::vector<std::string> timeline;
};

// The events by their time, with the state after each. Not the verdict: what whoever sent an event
// was told hangs on what was known when it came.
inline std::vector<std::string> timeline_of(const Desk& desk, const store::Process& process) {
    constexpr std::uint32_t kLinesMax = 10'000;
    const auto reader = desk.database->open_reader();
    REQUIRE(reader.ok());
    std::vector<std::string> lines;
    query::Timelines timelines;
    const auto cursor =
        timelines.write(**reader, process, {.cursor = {}, .limit = kLinesMax}, [&](query::Row row) {
            row.erase("verdict");
            lines.push_back(row.dump());
        });
    REQUIRE(cursor.ok());
    REQUIRE(cursor->empty());
    return lines;
}

inline Told told_of(const Desk& desk, const std::string& name) {
    const store::Process process = desk.process(name);
    return {query::list_row(process).dump(), desk.status(name).dump(), to_hex(process.registers),
            timeline_of(desk, process)};
}

inline void check_alike(const Told& one, const Told& other) {
    CHECK(one.row == other.row);
    CHECK(one.status == other.status);
    CHECK(one.registers == other.registers);
    REQUIRE(one.timeline.size() == other.timeline.size());
    for (std::size_t i = 0; i < one.timeline.size(); ++i)
        REQUIRE(one.timeline[i] == other.timeline[i]);
}

}  // namespace lb::test
