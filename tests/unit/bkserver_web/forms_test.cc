// Answers as scripts and browsers get them.
#include "bkserver/web/forms.h"

#include <catch2/catch.hpp>

namespace lb::web {
namespace {

constexpr char kService[] = "lb.example.org:9000";

HttpRequest request_for(const std::string& kind) {
    HttpRequest request;
    request.headers = {{"accept", kind}};
    return request;
}

TEST_CASE("own ids are links, and nothing else that somebody logged") {
    const HttpRequest request = request_for("text/html");
    const auto page_of = [&](const Json& value) {
        return object_answer({request, kService}, "x", {{"value", value}}).body;
    };
    const std::string id = "https://lb.example.org:9000/AbC_d-e";
    CHECK(page_of(id).find("<a href=\"" + id + "\">" + id + "</a>") != std::string::npos);
    for (const char* text :
         {"https://evil.example.org/", "https://lb.example.org:9000@evil.example.org/x",
          "https://lb.example.org:9000.evil.example.org/x", "https://lb.example.org:90001/x",
          "https://lb.example.org:9000/", "https://lb.example.org:9000",
          "https://lb.example.org:9000/x?a=b", "https://lb.example.org:9000/x#y",
          "http://lb.example.org:9000/x", "javascript:alert(1)"}) {
        INFO(text);
        CHECK(page_of(text).find("<a ") == std::string::npos);
    }
    CHECK(page_of(id + "\" onclick=\"y").find("onclick=\"") == std::string::npos);
    const Json rows = {{{"jobId", id}, {"host", "https://evil.example.org/"}}};
    const std::string list = list_answer({request, kService}, "processes", rows, {}).body;
    CHECK(list.find("<a href=\"" + id) != std::string::npos);
    CHECK(list.find("<a href=\"https://evil") == std::string::npos);
}

TEST_CASE("text has the original's keys beside ours, and one line a value") {
    const Json status = {{"jobId", "https://lb.example.org:9000/x"},
                         {"state", "Running"},
                         {"jobtype", "simple"},
                         {"reason", "one\ntwo"}};
    CHECK(object_answer({request_for("text/plain"), kService}, "x", status).body ==
          "jobId=https://lb.example.org:9000/x\nstate=Running\njobtype=simple\nreason=one two\n"
          "job=https://lb.example.org:9000/x\nstatus=Running\njob_type=simple\n");
}

TEST_CASE("a page leads to the next one of the same query") {
    HttpRequest request = request_for("text/html");
    request.query = {{"query", "state=running and host~\"n1*\"<b>"}, {"cursor", "old"}};
    const std::string page =
        list_answer({request, kService}, "processes", Json::array(), "new").body;
    CHECK(page.find(
              "href=\"?cursor=new&amp;query=state%3drunning%20and%20host~%22n1%2a%22%3cb%3e\"") !=
          std::string::npos);
    CHECK(page.find("old") == std::string::npos);
}

}  // namespace
}  // namespace lb::web
