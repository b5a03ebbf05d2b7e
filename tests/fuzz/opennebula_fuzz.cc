// What OpenNebula, or somebody in its place, hands to its hook: the XML, and the words of a call.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logd/opennebula/hook_call.h"
#include "logd/opennebula/reports.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)lb::opennebula::parse_call(lb::opennebula::words_of(text));
    const auto documents = lb::opennebula::parse_documents(text);
    if (!documents.ok()) return 0;
    for (const bool is_resync : {false, true}) {
        const lb::opennebula::Sight sight{"cloud1", "front", 1, is_resync};
        for (const auto& vm : documents->vms) (void)lb::opennebula::reports_of(vm, sight);
        for (const auto& host : documents->hosts) (void)lb::opennebula::reports_of(host, sight);
    }
    return 0;
}
