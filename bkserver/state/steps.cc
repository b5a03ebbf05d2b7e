#include "bkserver/state/steps.h"

#include <algorithm>
#include <array>

#include "lb/v1/registers.pb.h"

namespace lb::state {
namespace {

constexpr std::array<std::string_view, kVmWords> kWords = {
    "",        "pending", "boot", "running", "really-running", "shutdown",
    "stopped", "failure", "done", "forming", "degraded"};

}  // namespace

std::string_view to_string(VmWord word) {
    return kWords[static_cast<std::size_t>(word)];
}

VmWord vm_word_of(std::string_view vm_state) {
    const auto at = std::find(kWords.begin(), kWords.end(), vm_state);
    return at == kWords.end() ? VmWord::kNone : static_cast<VmWord>(at - kWords.begin());
}

std::string encode_steps(std::span<const Step> steps) {
    lb::v1::Steps message;
    std::int64_t before_us = 0;
    for (const Step& step : steps) {
        lb::v1::Step* const out = message.add_steps();
        out->set_after_us(step.time_us - before_us);
        out->set_standing(static_cast<std::uint32_t>(step.standing));
        out->set_vm_word(static_cast<std::uint32_t>(step.vm_word));
        before_us = step.time_us;
    }
    return message.SerializeAsString();
}

Result<std::vector<Step>> decode_steps(std::string_view bytes) {
    lb::v1::Steps message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return Error{ErrorCode::kCorrupt, "these bytes are no steps of a process"};
    std::vector<Step> steps;
    std::int64_t time_us = 0;
    for (const lb::v1::Step& step : message.steps()) {
        if (step.standing() >= kStandings || step.vm_word() >= kVmWords)
            return Error{ErrorCode::kUnsupported,
                         "a step of a kind that this server does not know: upgrade it"};
        time_us += step.after_us();
        steps.push_back(
            {time_us, static_cast<Standing>(step.standing()), static_cast<VmWord>(step.vm_word())});
    }
    return steps;
}

}  // namespace lb::state
