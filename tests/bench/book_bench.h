// What the benchmarks of the book share. At the first error the program ends with its text.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>

#include "bkserver/book/book.h"
#include "bkserver/store/mariadb/database.h"
#include "tests/support/private_mariadb.h"

namespace lb::bench {

inline constexpr char kService[] = "lb.example.org:9000";

inline void must(const Status& status) {
    if (status.ok()) return;
    std::fprintf(stderr, "%s\n", status.error().text.c_str());
    std::abort();
}

template <typename T>
T must(Result<T> result) {
    if (!result.ok()) must(Status(result.error()));
    return std::move(result).value();
}

inline std::unique_ptr<store::Database> fresh_database() {
    return must(store::mariadb::MariadbDatabase::open(
        {test::PrivateMariadb::shared().fresh_dsn(), "bench", kService}));
}

inline void settle(book::Book& book, std::span<const book::Arrived> load, std::size_t batch) {
    for (; !load.empty(); load = load.subspan(std::min(batch, load.size())))
        must(book.settle(load.first(std::min(batch, load.size()))));
}

}  // namespace lb::bench
