// Text of queries: refused with the place, or read; the printed form is read the same again, and
// the filter for the store is whole.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bkserver/query/compile.h"
#include "bkserver/query/language/parser.h"
#include "common/base/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace lb::query;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const Domain* domain : {&process_domain(), &event_domain()}) {
        const language::ParseContext context = {domain->terms, 1'795'521'600'000'000, "uid:0"};
        const auto expression = language::parse(text, context);
        if (!expression.ok()) continue;
        // Long values grow when times are spelled out: what is too long then is no other query.
        const std::string printed = language::to_text(*expression, domain->terms);
        if (printed.size() <= language::kQueryBytesMax) {
            const auto again = language::parse(printed, context);
            LB_ASSERT(again.ok());
            LB_ASSERT(*again == *expression);
        }
        const Compiled compiled = compile(*expression, *domain);
        LB_ASSERT(!compiled.filter.steps.empty() || !compiled.is_exact ||
                  expression->steps.empty());
    }
    return 0;
}
