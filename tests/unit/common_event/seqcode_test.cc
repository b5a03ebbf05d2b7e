// Sequence codes: four formats, and the counters that components raise.
#include "common/event/seqcode.h"

#include <catch2/catch.hpp>

using namespace lb::event;

namespace {

const std::string kGrid =
    "UI=000003:NS=0000000004:WM=000005:BH=0000000000:JSS=000006:LM=000000:LRMS=000001:APP=000000:"
    "LBS=000000";
const std::string kPbs = "CLIENT=000001:SERVER=0000000002:SCHED=000003:SMOM=000004:MOM=000005";
const std::string kCondor = "TIMESTAMP=20120101000010:POS=         5:EV.CODE=  4:SRC=s";

}  // namespace

TEST_CASE("a code is read and printed the same", "[seqcode]") {
    CHECK(to_string(parse_grid_code(kGrid).value()) == kGrid);
    CHECK(to_string(parse_pbs_code(kPbs).value()) == kPbs);
    CHECK(parse_condor_code(kCondor)->position == "5");
    CHECK(parse_condor_code(kCondor)->source == 's');
    // Old codes lack the last counter.
    CHECK(to_string(parse_grid_code(kGrid.substr(0, kGrid.rfind(':'))).value()) == kGrid);
    for (const char* wrong : {"", "x", "UI=1", "UI=-1:NS=2", "UI=99999999999:NS=1"}) {
        CHECK_FALSE(parse_grid_code(wrong));
        CHECK_FALSE(parse_pbs_code(wrong));
        CHECK_FALSE(parse_condor_code(wrong));
    }
}

TEST_CASE("a component raises its own counter and no other", "[seqcode]") {
    const struct {
        Source source;
        std::size_t slot;
    } sources[] = {
        {Source::kUserInterface, 0}, {Source::kNetworkServer, 1}, {Source::kWorkloadManager, 2},
        {Source::kBigHelper, 3},     {Source::kJobController, 4}, {Source::kLogMonitor, 5},
        {Source::kLrms, 6},          {Source::kApplication, 7},   {Source::kLbServer, 8}};
    for (const auto& one : sources) {
        GridCounters expected = parse_grid_code(kGrid).value();
        ++expected[one.slot];
        CHECK(next_code(kGrid, one.source) == to_string(expected));
    }
    CHECK(next_code(kPbs, Source::kPbsServer).substr(0, 31) == "CLIENT=000001:SERVER=0000000003");
    CHECK(next_code(kPbs, Source::kPbsMom).ends_with("MOM=000006"));
}

TEST_CASE("a component without a counter leaves the code", "[seqcode]") {
    CHECK(next_code(kGrid, Source::kCreamExecutor) == kGrid);
    CHECK(next_code(kGrid, Source::kVmManager) == kGrid);
    CHECK(next_code(kPbs, Source::kUserInterface) == kPbs);
    CHECK(next_code(kCondor, Source::kLrms) == kCondor);
    CHECK(next_code("no code", Source::kLrms) == "no code");
}

TEST_CASE("codes begin at zero and stop at their greatest", "[seqcode]") {
    CHECK(next_code("", Source::kUserInterface).starts_with("UI=000001:NS=0000000000:"));
    CHECK(next_code("", Source::kPbsClient).starts_with("CLIENT=000001:SERVER=0000000000"));
    GridCounters greatest{};
    greatest[0] = 0xffffffff;
    CHECK(next_code(to_string(greatest), Source::kUserInterface) == to_string(greatest));
}
