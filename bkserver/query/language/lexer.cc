#include "bkserver/query/language/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/ascii.h"

namespace lb::query::language {

namespace {

constexpr std::string_view kSigns = "()=<>!~,\"'";
// So much of a long text is shown before and behind the place of an error.
constexpr std::size_t kShownBytes = 60;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// Bytes that could move a terminal become blanks.
std::string shown(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
    return out;
}

}  // namespace

bool Token::is_keyword(std::string_view keyword) const {
    return kind == Kind::kWord && equal_ignoring_case(text, keyword);
}

Error error_at(std::string_view text, std::size_t at, std::string_view what) {
    at = std::min(at, text.size());
    std::size_t begin = at > kShownBytes ? at - kShownBytes : 0;
    while (begin < at && continues_character(text[begin])) ++begin;
    std::size_t end = std::min(text.size(), at + kShownBytes);
    while (end < text.size() && continues_character(text[end])) ++end;
    const auto characters = [&](std::size_t from, std::size_t to) {
        return to - from -
               static_cast<std::size_t>(std::count_if(
                   text.begin() + static_cast<std::ptrdiff_t>(from),
                   text.begin() + static_cast<std::ptrdiff_t>(to), continues_character));
    };
    return {ErrorCode::kReject,
            fmt::format("query, character {}: {}\n  {}\n  {}^", characters(0, at) + 1, what,
                        shown(text.substr(begin, end - begin)),
                        std::string(characters(begin, at), ' '))};
}

Result<Token> Lexer::next() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    if (at_ == text_.size()) return Token{Token::Kind::kEnd, at_, {}};
    const std::size_t begin = at_;
    const char first = text_[at_];
    if (first == '"' || first == '\'') return quoted();
    if (kSigns.find(first) != std::string_view::npos) {
        ++at_;
        const bool may_be_double = first == '<' || first == '>' || first == '!' || first == '=';
        if (may_be_double && at_ < text_.size() &&
            (text_[at_] == '=' || (first == '<' && text_[at_] == '>') ||
             (first == '!' && text_[at_] == '~')))
            ++at_;
        return Token{Token::Kind::kSign, begin, std::string(text_.substr(begin, at_ - begin))};
    }
    while (at_ < text_.size() && !is_blank(text_[at_]) &&
           kSigns.find(text_[at_]) == std::string_view::npos)
        ++at_;
    return Token{Token::Kind::kWord, begin, std::string(text_.substr(begin, at_ - begin))};
}

// Between quotes of either kind; a backslash takes the next byte as it is.
Result<Token> Lexer::quoted() {
    Token token = {Token::Kind::kQuoted, at_, {}};
    const char quote = text_[at_++];
    for (; at_ < text_.size(); ++at_) {
        if (text_[at_] == quote) {
            ++at_;
            return token;
        }
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        token.text += text_[at_];
    }
    return error_at(text_, token.at, "this quote is not closed");
}

}  // namespace lb::query::language
