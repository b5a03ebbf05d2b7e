#include "logd/opennebula_agent/xml_rpc.h"

#include <array>
#include <cstdlib>
#include <pugixml.hpp>
#include <sstream>

namespace lb::opennebula_agent {

namespace {

// OpenNebula's error codes.
constexpr int kAuthentication = 0x0100;
constexpr int kAuthorization = 0x0200;
constexpr int kNoExists = 0x0400;

ErrorCode code_of(int error) {
    if (error == kNoExists) return ErrorCode::kNotFound;
    if (error == kAuthentication || error == kAuthorization) return ErrorCode::kDenied;
    return ErrorCode::kReject;
}

void add_value(pugi::xml_node& params, const Parameter& parameter) {
    pugi::xml_node value = params.append_child("param").append_child("value");
    if (const int* number = std::get_if<int>(&parameter))
        value.append_child("int").text().set(*number);
    else
        value.append_child("string").text().set(std::get<std::string>(parameter).c_str());
}

// A value without a type is a text.
std::string_view text_of(const pugi::xml_node& value) {
    const pugi::xml_node typed = value.find_child(
        [](const pugi::xml_node& child) { return child.type() == pugi::node_element; });
    return typed ? typed.text().as_string() : value.text().as_string();
}

Error fault_of(const pugi::xml_node& fault) {
    std::string text = "OpenNebula's fault";
    for (const pugi::xml_node& member : fault.child("value").child("struct").children("member"))
        text += " " + std::string(text_of(member.child("value")));
    return {ErrorCode::kReject, text};
}

}  // namespace

std::string write_call(std::string_view method, std::span<const Parameter> parameters) {
    pugi::xml_document document;
    pugi::xml_node call = document.append_child("methodCall");
    call.append_child("methodName").text().set(std::string(method).c_str());
    pugi::xml_node params = call.append_child("params");
    for (const Parameter& parameter : parameters) add_value(params, parameter);
    std::ostringstream out;
    document.save(out, "", pugi::format_raw);
    return out.str();
}

Result<std::string> parse_answer(std::string_view body) {
    pugi::xml_document document;
    const pugi::xml_parse_result parsed =
        document.load_buffer(body.data(), body.size(), pugi::parse_default | pugi::parse_ws_pcdata);
    if (!parsed)
        return Error{ErrorCode::kReject,
                     "no answer of XML-RPC: " + std::string(parsed.description()) + " at byte " +
                         std::to_string(parsed.offset)};
    const pugi::xml_node response = document.child("methodResponse");
    if (const pugi::xml_node fault = response.child("fault")) return fault_of(fault);
    const pugi::xml_node data =
        response.child("params").child("param").child("value").child("array").child("data");
    std::array<std::string_view, 3> values;
    std::size_t count = 0;
    for (const pugi::xml_node& value : data.children("value"))
        if (count < values.size()) values[count++] = text_of(value);
    if (count < 2)
        return Error{
            ErrorCode::kReject,
            "no answer of OpenNebula: expected (success, result, ...); is xmlrpc its address?"};
    if (values[0] == "1") return std::string(values[1]);
    return Error{code_of(std::atoi(std::string(values[2]).c_str())), std::string(values[1])};
}

}  // namespace lb::opennebula_agent
