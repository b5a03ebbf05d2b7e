#include "bkserver/query/page_cursor.h"

#include <fmt/format.h>

#include <charconv>

#include "common/base/encoding.h"
#include "common/event/digest.h"

namespace lb::query {

namespace {

constexpr std::size_t kDigestBytes = 6;

std::string digest_of(std::string_view query) {
    return to_hex(event::sha256(query).substr(0, kDigestBytes));
}

template <typename Number>
bool take(std::string_view& text, Number& number) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with('.')) text.remove_prefix(1);
    return true;
}

}  // namespace

std::string to_text(const PageCursor& cursor, std::string_view query) {
    return fmt::format("{}.{}.{}.{}", digest_of(query), cursor.now_us, cursor.place.value,
                       cursor.place.number);
}

Result<std::optional<PageCursor>> read_cursor(std::string_view text, std::string_view query) {
    if (text.empty()) return std::optional<PageCursor>();
    const std::string digest = digest_of(query) + ".";
    PageCursor cursor;
    if (text.starts_with(digest)) {
        text.remove_prefix(digest.size());
        if (take(text, cursor.now_us) && take(text, cursor.place.value) &&
            take(text, cursor.place.number) && text.empty())
            return std::optional(cursor);
    }
    return Error{ErrorCode::kReject,
                 "the cursor is none that this server gave for this query; ask again without one"};
}

}  // namespace lb::query
