#include "logd/opennebula_agent/cloud.h"

#include <array>

#include "logd/opennebula_agent/xml_rpc.h"

namespace lb::opennebula_agent {

namespace {

constexpr int kOfAllUsers = -2;
constexpr int kNotDone = -1;

Result<opennebula::Documents> ask(const Transport& transport, std::string_view method,
                                  std::span<const Parameter> parameters) {
    LB_TRY_ASSIGN(const std::string body, transport(write_call(method, parameters)));
    const auto answer = parse_answer(body);
    if (!answer.ok())
        return Error{answer.error().code, std::string(method) + ": " + answer.error().text};
    return opennebula::parse_documents(*answer);
}

}  // namespace

Result<opennebula::Documents> Cloud::vms(int offset) {
    // A negative end of the range is a number of machines.
    const std::array<Parameter, 5> parameters = {session_, kOfAllUsers, offset, -kPageVms,
                                                 kNotDone};
    return ask(transport_, "one.vmpool.infoextended", parameters);
}

Result<opennebula::VmDocument> Cloud::vm(int id) {
    const std::array<Parameter, 2> parameters = {session_, id};
    LB_TRY_ASSIGN(opennebula::Documents documents, ask(transport_, "one.vm.info", parameters));
    if (documents.vms.size() != 1)
        return Error{ErrorCode::kReject,
                     "one.vm.info of " + std::to_string(id) + " has no machine"};
    return std::move(documents.vms.front());
}

Result<opennebula::Documents> Cloud::hosts() {
    const std::array<Parameter, 1> parameters = {session_};
    return ask(transport_, "one.hostpool.info", parameters);
}

}  // namespace lb::opennebula_agent
