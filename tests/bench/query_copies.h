// Many processes out of some: the rows of those that went through the book are copied by SQL, under
// other numbers, names, event ids and times, into tables without keys, which are built at the end.
#pragma once

#include "bkserver/store/mariadb/connection.h"
#include "tests/bench/query_lives.h"

namespace lb::bench {

// Adds copies until each process is there size.copies times, or goes on where it was ended; says to
// stderr how far it is.
void multiply(store::mariadb::Connection& connection, const Size& size);
// Whether a multiply() did not come to its end.
bool is_half_multiplied(store::mariadb::Connection& connection);

}  // namespace lb::bench
