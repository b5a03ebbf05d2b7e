// Rows in the forms that --output names.
#include "bkserver/cli/row_printer.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace lb::cli {
namespace {

std::string printed(const std::string& output, const std::vector<Json>& rows) {
    std::ostringstream out, err;
    Context context{{}, out, err};
    context.settings.output = output;
    RowPrinter printer(context, {{"PROCESS", "jobId"}, {"CODE", "exit_code"}});
    for (const Json& row : rows) printer.add(row);
    printer.finish();
    return out.str();
}

}  // namespace

TEST_CASE("rows come in the form that was asked for") {
    const std::vector<Json> rows = {{{"jobId", "a"}, {"exit_code", -1}, {"more", true}},
                                    {{"jobId", "b"}}};
    CHECK(printed("table", rows) == "PROCESS  CODE\na        -1\nb\n");
    CHECK(printed("csv", rows) == "jobId,exit_code\r\na,-1\r\nb,\r\n");
    CHECK(printed("id", rows) == "a\nb\n");
    CHECK(printed("json", rows) ==
          "{\"jobId\":\"a\",\"exit_code\":-1,\"more\":true}\n{\"jobId\":\"b\"}\n");
}

TEST_CASE("a cell of CSV is one cell, and no formula of a spreadsheet") {
    const auto cell = [](const std::string& text) {
        const std::string csv = printed("csv", {{{"jobId", "a"}, {"exit_code", text}}});
        return csv.substr(std::string("jobId,exit_code\r\na,").size());
    };
    CHECK(cell("a,b") == "\"a,b\"\r\n");
    CHECK(cell("say \"a\"") == "\"say \"\"a\"\"\"\r\n");
    CHECK(cell("=1+1") == "'=1+1\r\n");
    CHECK(cell("-2+3") == "'-2+3\r\n");
    CHECK(cell("@sum") == "'@sum\r\n");
    for (const char* number : {"-1", "+7", "-0.5"})
        CHECK(cell(number) == number + std::string("\r\n"));
}

}  // namespace lb::cli
