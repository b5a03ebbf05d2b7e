// Answers of OpenNebula to calls of XML-RPC.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logd/opennebula_agent/xml_rpc.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    (void)lb::opennebula_agent::parse_answer({reinterpret_cast<const char*>(bytes), size});
    return 0;
}
