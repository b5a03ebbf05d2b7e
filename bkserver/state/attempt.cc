#include "bkserver/state/attempt.h"

namespace lb::state {
namespace {

constexpr std::size_t kFlagBytes = 1;
constexpr std::size_t kCounterBytes = 4;
constexpr std::size_t kAttemptCounters = 3;

}  // namespace

event::GridCounters code_of(std::string_view order_key) {
    event::GridCounters code{};
    const std::size_t end = kFlagBytes + code.size() * kCounterBytes;
    if (order_key.size() < end || order_key.front() == '\0') return code;
    for (std::size_t i = 0; i < code.size(); ++i)
        for (std::size_t byte = 0; byte < kCounterBytes; ++byte)
            code[i] = code[i] << 8 |
                      static_cast<unsigned char>(order_key[kFlagBytes + i * kCounterBytes + byte]);
    return code;
}

std::string_view attempt_of(std::string_view order_key) {
    if (order_key.empty() || order_key.front() == '\0') return {};
    return order_key.substr(0, kFlagBytes + kAttemptCounters * kCounterBytes);
}

}  // namespace lb::state
