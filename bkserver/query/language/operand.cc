#include "bkserver/query/language/operand.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "common/base/ascii.h"
#include "common/event/moment.h"
#include "common/event/time_text.h"

namespace lb::query::language {

namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return {};
    return number;
}

Result<Operand> word_of(const Token& token, const Term& term) {
    for (std::size_t i = 0; i < term.words.size(); ++i)
        if (equal_ignoring_case(term.words[i], token.text))
            return Operand{term.words[i], static_cast<std::int64_t>(i)};
    return Error{ErrorCode::kReject,
                 fmt::format("'{}' is no {}; there are {}", token.text, term.name, words_of(term))};
}

Result<Operand> flag_of(const Token& token, const Term& term) {
    for (const char* yes : {"true", "yes", "1"})
        if (equal_ignoring_case(token.text, yes)) return Operand{"true", 1};
    for (const char* no : {"false", "no", "0"})
        if (equal_ignoring_case(token.text, no)) return Operand{"false", 0};
    return Error{ErrorCode::kReject,
                 fmt::format("'{}' is neither true nor false, as {} is", token.text, term.name)};
}

}  // namespace

std::string words_of(const Term& term) {
    std::string words;
    for (const std::string& word : term.words) words += (words.empty() ? "" : ", ") + word;
    return words;
}

Result<Operand> read_operand(const Token& token, const Term& term, const ParseContext& context) {
    switch (term.kind) {
        case Kind::kText:
            return Operand{token.text, 0};
        case Kind::kIdentity:
            if (token.is_keyword("me")) return Operand{std::string(context.me), 0};
            return Operand{token.text, 0};
        case Kind::kWord:
            return word_of(token, term);
        case Kind::kInteger:
            if (const auto number = whole_number(token.text))
                return Operand{std::to_string(*number), *number};
            return Error{ErrorCode::kReject,
                         fmt::format("'{}' is no whole number, as {} is", token.text, term.name)};
        case Kind::kFlag:
            return flag_of(token, term);
        case Kind::kTime: {
            LB_TRY_ASSIGN(const std::int64_t time_us,
                          event::moment_from_text(token.text, context.now_us));
            return Operand{event::time_to_text(time_us), time_us};
        }
    }
    return Error{ErrorCode::kBug, "a kind of term without values"};
}

}  // namespace lb::query::language
