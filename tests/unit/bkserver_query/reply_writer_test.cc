#include "bkserver/query/reply_writer.h"

#include <catch2/catch.hpp>
#include <vector>

#include "common/base/limits.h"

namespace lb::query {

TEST_CASE("a row that no frame holds is told of in its place") {
    std::vector<v1::Reply> replies;
    const SendReply send = [&](v1::Reply reply) { replies.push_back(std::move(reply)); };
    ReplyWriter writer(7, send);
    writer.add_row({{"jobId", "small"}});
    // Each of these bytes takes six in JSON.
    writer.add_row({{"jobId", "large"}, {"jdl", std::string(limits::kFrameBytesMax / 5, '\x01')}});
    writer.add_row({{"jobId", "last"}});
    writer.finish();
    std::vector<std::string> rows;
    for (const v1::Reply& reply : replies) {
        CHECK(reply.ByteSizeLong() < limits::kFrameBytesMax);
        rows.insert(rows.end(), reply.rows().begin(), reply.rows().end());
    }
    REQUIRE(rows.size() == 3);
    const auto stub = nlohmann::json::parse(rows[1]);
    CHECK(stub.at("process") == "large");
    CHECK(stub.at("error") == "full");
    CHECK(rows[2] == "{\"jobId\":\"last\"}");
}

}  // namespace lb::query
