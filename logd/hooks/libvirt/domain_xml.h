// The few words that the hook needs out of a domain's XML. A scan of one pass over bounded text
// instead of a parser: libvirt waits for the hook, so it loads no library, and a text it does not
// understand gives empty words, never an error.
#pragma once

#include <string>
#include <string_view>

namespace lb::hooks {

struct Domain {
    std::string uuid;
    std::string name;
    std::string process_id;  // <lb:process> in <metadata>, when an integrator put one there
};

// Text of the first <uuid>, <name> and <lb:process> elements. Comments and CDATA are stepped over.
Domain scan_domain_xml(std::string_view xml);

}  // namespace lb::hooks
