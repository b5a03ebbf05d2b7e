#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "bkserver/state/print_states.h"

namespace lb::state {
namespace {

bool is_ignored(const Machine& machine, const event::TypeInfo& type) {
    return std::any_of(machine.ignored.begin(), machine.ignored.end(), [&](std::string_view name) {
        return name == type.name || name == type.family;
    });
}

bool has_row(std::span<const DataRow> rows, const event::TypeInfo& type) {
    return std::any_of(rows.begin(), rows.end(), [&](const DataRow& row) {
        return static_cast<std::uint16_t>(row.event) == type.code;
    });
}

bool has_row(const Machine& machine, const event::TypeInfo& type) {
    return has_row(common_rows(), type) || has_row(machine.data, type) ||
           std::any_of(machine.track.begin(), machine.track.end(), [&](const TrackRow& row) {
               return static_cast<std::uint16_t>(row.event) == type.code;
           });
}

}  // namespace

TEST_CASE("every event has a row in each machine or stands in its list of ignored ones") {
    for (const Machine* machine : machines()) {
        for (const event::TypeInfo& type : event::types()) {
            INFO(machine->word << " " << type.name);
            CHECK((has_row(*machine, type) || is_ignored(*machine, type)));
        }
    }
}

TEST_CASE("tables.md is what the rows print") {
    const char* dir = std::getenv("LB_SOURCE_DIR");
    const std::string path = std::string(dir == nullptr ? "." : dir) + "/bkserver/state/tables.md";
    std::ifstream in(path);
    const std::string committed{std::istreambuf_iterator<char>(in),
                                std::istreambuf_iterator<char>()};
    const std::string printed = print_all_states();
    if (std::getenv("LB_WRITE_TABLES") != nullptr) std::ofstream(path) << printed;
    INFO("run this test once with LB_WRITE_TABLES=1 to write the file");
    CHECK((committed == printed || std::getenv("LB_WRITE_TABLES") != nullptr));
}

TEST_CASE("the registry has one machine a type and a word for each") {
    for (const Machine* machine : machines()) {
        CHECK(process_type_word(machine->type) == machine->word);
        CHECK(process_type_from_word(machine->word) == machine->type);
    }
    CHECK(process_type_from_word("VIRTUAL_MACHINE") == 11);
    CHECK(process_type_from_word("PARTITIONABLE") == 2);
    CHECK(process_type_from_word("nonsense") == 0);
}

}  // namespace lb::state
