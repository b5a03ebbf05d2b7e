// Ids, keys and times: refused with a reason, or read; the canonical form stays what it is.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/assert.h"
#include "common/event/process_id.h"
#include "common/event/seqcode.h"
#include "common/event/time_text.h"
#include "common/spool/spool_format.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto subject = lb::event::parse_subject(text); subject.ok()) {
        const std::string canonical = lb::event::to_string(*subject);
        const auto again = lb::event::parse_subject(canonical);
        LB_ASSERT(again.ok() && lb::event::to_string(*again) == canonical);
    }
    if (const auto destination = lb::spool::Destination::parse(text); destination.ok())
        LB_ASSERT(lb::spool::Destination::of_directory_name(destination->directory_name()) ==
                  *destination);
    (void)lb::event::time_from_text(text);
    (void)lb::event::time_from_ulm(text);
    (void)lb::event::parse_grid_code(text);
    (void)lb::event::parse_pbs_code(text);
    (void)lb::event::parse_condor_code(text);
    return 0;
}
