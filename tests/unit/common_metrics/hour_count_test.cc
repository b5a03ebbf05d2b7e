#include "common/metrics/hour_count.h"

#include <catch2/catch.hpp>

using lb::metrics::HourCount;
using std::chrono::minutes;

TEST_CASE("what is older than an hour does not count") {
    HourCount count;
    const HourCount::Clock::time_point begin{minutes(1000)};
    CHECK(count.value(begin) == 0);
    count.add(3, begin);
    count.add(4, begin + minutes(30));
    CHECK(count.value(begin + minutes(30)) == 7);
    CHECK(count.value(begin + minutes(59)) == 7);
    CHECK(count.value(begin + minutes(60)) == 4);
    CHECK(count.value(begin + minutes(90)) == 0);
    count.add(5, begin + minutes(120));
    CHECK(count.value(begin + minutes(120)) == 5);
}
