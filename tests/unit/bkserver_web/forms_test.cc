// Answers as scripts and browsers get them.
#include "bkserver/web/forms.h"

#include <catch2/catch.hpp>

namespace lb::web {
namespace {

TEST_CASE("text has the original's keys beside ours, and one line a value") {
    const Json status = {{"jobId", "https://lb.example.org:9000/x"},
                         {"state", "Running"},
                         {"jobtype", "simple"},
                         {"reason", "one\ntwo"}};
    CHECK(object_answer(Form::kText, "x", status).body ==
          "jobId=https://lb.example.org:9000/x\nstate=Running\njobtype=simple\nreason=one two\n"
          "job=https://lb.example.org:9000/x\nstatus=Running\njob_type=simple\n");
}

TEST_CASE("a page leads to the next one of the same query") {
    HttpRequest request;
    request.headers = {{"accept", "text/html"}};
    request.query = {{"query", "state=running and host~\"n1*\"<b>"}, {"cursor", "old"}};
    const std::string page = list_answer(request, "processes", Json::array(), "new").body;
    CHECK(page.find(
              "href=\"?cursor=new&amp;query=state%3drunning%20and%20host~%22n1%2a%22%3cb%3e\"") !=
          std::string::npos);
    CHECK(page.find("old") == std::string::npos);
}

}  // namespace
}  // namespace lb::web
