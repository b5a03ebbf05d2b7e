// Calls and answers as OpenNebula's server (xmlrpc-c) writes them.
#include "logd/opennebula_agent/xml_rpc.h"

#include <array>
#include <catch2/catch.hpp>

using namespace lb;
using namespace lb::opennebula_agent;

namespace {

std::string answer(const std::string& values) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<methodResponse>\r\n<params>\r\n<param>"
           "<value><array><data>\r\n" +
           values + "</data></array></value></param>\r\n</params>\r\n</methodResponse>\r\n";
}

}  // namespace

TEST_CASE("a call has its texts and numbers in their order") {
    const std::array<Parameter, 3> parameters = {std::string("oneadmin:<&\">"), -2, 42};
    CHECK(write_call("one.vm.info", parameters) ==
          "<?xml version=\"1.0\"?><methodCall><methodName>one.vm.info</methodName><params>"
          "<param><value><string>oneadmin:&lt;&amp;\"&gt;</string></value></param>"
          "<param><value><int>-2</int></value></param>"
          "<param><value><int>42</int></value></param></params></methodCall>");
}

TEST_CASE("an answer is a text or a number, in whichever form") {
    const auto result = [](const std::string& value) {
        return *parse_answer(answer("<value><boolean>1</boolean></value>\r\n" + value));
    };
    CHECK(result("<value><string>&lt;VM_POOL/&gt;</string></value>") == "<VM_POOL/>");
    CHECK(result("<value>&lt;VM_POOL/&gt;</value>") == "<VM_POOL/>");
    CHECK(result("<value><i4>7</i4></value>") == "7");
    CHECK(result("<value><string></string></value><value><i4>0</i4></value>").empty());
}

TEST_CASE("a refusal says why") {
    const auto refusal = [](const std::string& error) {
        return parse_answer(
                   answer("<value><boolean>0</boolean></value><value><string>[one.vm.info] "
                          "no</string></value><value><i4>" +
                          error + "</i4></value>"))
            .error();
    };
    CHECK(refusal("1024").code == ErrorCode::kNotFound);
    CHECK(refusal("256").code == ErrorCode::kDenied);
    CHECK(refusal("512").code == ErrorCode::kDenied);
    CHECK(refusal("2048").code == ErrorCode::kReject);
    CHECK(refusal("256").text == "[one.vm.info] no");
}

TEST_CASE("what is no answer of OpenNebula is refused") {
    const std::string fault =
        "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>-506</int>"
        "</value></member><member><name>faultString</name><value><string>Method 'x' not "
        "defined</string></value></member></struct></value></fault></methodResponse>";
    CHECK(parse_answer(fault).error().text == "OpenNebula's fault -506 Method 'x' not defined");
    for (const std::string text :
         {"", "hello", "<html><body>It works!</body></html>", "<methodResponse/>",
          "<methodResponse><params><param><value>1</value></param></params></methodResponse>"})
        CHECK(parse_answer(text).error().code == ErrorCode::kReject);
}
