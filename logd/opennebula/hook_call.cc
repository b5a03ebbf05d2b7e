#include "logd/opennebula/hook_call.h"

#include <algorithm>
#include <sstream>

#include "common/base/encoding.h"
#include "logd/opennebula/states.h"

namespace lb::opennebula {

namespace {

constexpr std::size_t kOldWords = 3;  // $ID $PREV_STATE $PREV_LCM_STATE

bool is_number(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::string> from_base64(std::string text) {
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    while (text.ends_with('=')) text.pop_back();
    auto bytes = from_base64url(text);
    if (!bytes)
        return Error{ErrorCode::kReject, "the argument $TEMPLATE is no base64: " +
                                             text.substr(0, 40) + (text.size() > 40 ? "..." : "")};
    return std::move(*bytes);
}

// Old OpenNebulas say the state before by name, beside the XML.
Status set_previous(std::span<const std::string> words, VmDocument& vm) {
    const StateRow* const state = find_state(vm_states(), words[1]);
    const StateRow* const lcm_state = find_state(lcm_states(), words[2]);
    if (state == nullptr || lcm_state == nullptr)
        return Error{ErrorCode::kReject,
                     words[1] + " " + words[2] + " are no $PREV_STATE and $PREV_LCM_STATE"};
    vm.previous_state = state->code;
    vm.previous_lcm_state = lcm_state->code;
    return {};
}

}  // namespace

std::vector<std::string> words_of(std::string_view line) {
    std::istringstream in{std::string(line)};
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

Result<HookCall> parse_call(std::span<const std::string> words) {
    const bool is_old = !words.empty() && is_number(words[0]);
    const std::size_t at = is_old ? kOldWords : 0;
    if (words.size() <= at || words.size() > at + 2)
        return Error{
            ErrorCode::kReject,
            "expected [$ID $PREV_STATE $PREV_LCM_STATE] $TEMPLATE [SCOPE], as arguments or "
            "on standard input; `lbctl setup opennebula` prints hooks that pass them"};
    LB_TRY_ASSIGN(const std::string xml, from_base64(words[at]));
    HookCall call;
    LB_TRY_ASSIGN(call.documents, parse_documents(xml));
    if (words.size() == at + 2) call.scope = words[at + 1];
    if (is_old)
        for (VmDocument& vm : call.documents.vms) LB_TRY(set_previous(words, vm));
    return call;
}

}  // namespace lb::opennebula
