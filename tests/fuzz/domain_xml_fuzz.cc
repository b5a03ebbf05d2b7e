// What libvirt hands to its hook, or somebody in its place.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logd/hooks/libvirt/domain_xml.h"
#include "logd/hooks/libvirt/hook_event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view xml(reinterpret_cast<const char*>(data), size);
    const auto domain = lb::hooks::scan_domain_xml(xml);
    (void)lb::hooks::subject_of(domain);
    (void)lb::hooks::event_of_call({"started", "begin", "-"}, domain, "node1");
    return 0;
}
