// The words and signs of a query's text, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lb::query::language {

struct Token {
    enum class Kind : std::uint8_t { kEnd, kWord, kQuoted, kSign };
    Kind kind = Kind::kEnd;
    std::size_t at = 0;  // first byte
    std::string text;    // of quoted ones: what is between the quotes

    // Keywords are never quoted; case does not count.
    [[nodiscard]] bool is_keyword(std::string_view keyword) const;
    [[nodiscard]] bool is_sign(std::string_view sign) const {
        return kind == Kind::kSign && text == sign;
    }
};

// kReject with three lines: what is wrong, the text, a mark below the place.
Error error_at(std::string_view text, std::size_t at, std::string_view what);

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Result<Token> next();

  private:
    Result<Token> quoted();

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace lb::query::language
