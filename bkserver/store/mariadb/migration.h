// Brings a database to the schema of this program: the numbered files of schema/, compiled in. Safe
// with several servers starting at once, and when one dies in the middle: a migration whose number
// is not written down is run again, and each of its statements may run twice.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "bkserver/store/mariadb/dsn.h"
#include "common/base/result.h"

namespace lb::store::mariadb {

struct Migration {
    std::uint32_t number;
    std::string_view name;  // "0001_initial"
    std::string_view sql;   // statements, each ended by a semicolon at the end of a line
};

// Those of this program, ascending from 1 without gaps.
std::span<const Migration> migrations();

// kUnsupported when the database is of a newer schema than `known`: an older program never writes
// there. Creates the database itself if the user may. `on_message` is told of each step that
// changes one that is in use: a large one takes minutes.
Status migrate(const Dsn& dsn, std::span<const Migration> known,
               const std::function<void(const std::string&)>& on_message);

}  // namespace lb::store::mariadb
