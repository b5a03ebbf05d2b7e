// Registers from a damaged or hostile database: whatever the bytes, they are refused or give a
// status.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bkserver/state/engine.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    auto registers = lb::state::Registers::decode(bytes);
    if (!registers.ok()) return 0;
    const std::string encoded = registers->encode();
    const auto again = lb::state::Registers::decode(encoded);
    if (!again.ok() || again->encode() != encoded) std::abort();
    (void)lb::state::derive(*registers, "https://lb.example.org:9000/fuzz").to_text();
    for (const char* attribute : {"state", "vm_state", "done_code", "owner", "vm_phy_hostname",
                                  "user_tags", "lastUpdateTime"})
        (void)lb::state::explain(*registers, attribute);
    lb::state::ViewInput input;
    input.now_us = 1'700'000'000'000'000;
    (void)lb::state::view(*registers, input).to_json();
    (void)lb::state::evidence_of(*registers);
    lb::state::Registers merged = *again;
    if (!lb::state::merge(merged, *registers)) std::abort();
    return 0;
}
