#include "bkserver/query/classad.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/ascii.h"

namespace lb::query {

namespace {

using Json = nlohmann::ordered_json;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool begins_name(char c) {
    return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '_';
}

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<Json> parse() {
        skip_blanks();
        const bool has_brackets = take('[');
        open_.push_back({Json::object(), 0, has_brackets ? ']' : '\0', {}});
        while (!open_.empty()) LB_TRY(step());
        skip_blanks();
        if (at_ < text_.size()) return wrong("nothing more after the ad");
        return std::move(done_);
    }

  private:
    // A list or an ad whose end was not reached yet.
    struct Open {
        Json value;
        std::size_t begin;  // where it stands in the text
        char end;           // '\0': the end of the text
        std::string name;   // of the attribute whose value is being read
        [[nodiscard]] char separator() const { return value.is_array() ? ',' : ';'; }
    };

    // One value of the innermost list or ad, or its end.
    Status step() {
        skip_blanks();
        while (take(open_.back().separator())) skip_blanks();
        if (is_at_end()) return close();
        if (open_.back().value.is_object()) LB_TRY(read_name());
        skip_blanks();
        if (++values_ > kClassAdValuesMax)
            return Error{ErrorCode::kFull, "the ClassAd has more than " +
                                               std::to_string(kClassAdValuesMax) + " values"};
        const std::size_t begin = at_;
        if (const char first = peek(); first == '{' || first == '[') {
            if (open_.size() == kClassAdNestingMax)
                return Error{ErrorCode::kFull, "the ClassAd is nested deeper than " +
                                                   std::to_string(kClassAdNestingMax)};
            ++at_;
            open_.push_back({first == '{' ? Json::array() : Json::object(),
                             begin,
                             first == '{' ? '}' : ']',
                             {}});
            return {};
        }
        return put(read_literal(), begin);
    }

    [[nodiscard]] bool is_at_end() const {
        const char end = open_.back().end;
        return end == '\0' ? at_ == text_.size() : peek() == end;
    }

    Status close() {
        Open closed = std::move(open_.back());
        open_.pop_back();
        if (closed.end != '\0') ++at_;
        if (!open_.empty()) return put(std::move(closed.value), closed.begin);
        done_ = std::move(closed.value);
        return {};
    }

    // `value`: what stands from `begin` to here, if it is a value by itself. Something that goes
    // on, with an operator, is an expression.
    Status put(std::optional<Json> value, std::size_t begin) {
        const std::size_t end_of_value = at_;
        skip_blanks();
        if (!value || !(peek() == open_.back().separator() || is_at_end())) {
            at_ = value ? end_of_value : begin;
            LB_TRY(skip_expression());
            std::size_t end = at_;
            while (end > begin && is_blank(text_[end - 1])) --end;
            if (end == begin) return wrong("a value");
            value = "/Expr(" + std::string(text_.substr(begin, end - begin)) + ")/";
        }
        Open& into = open_.back();
        if (into.value.is_array())
            into.value.push_back(std::move(*value));
        else
            into.value[into.name] = std::move(*value);
        return {};
    }

    Status read_name() {
        Open& into = open_.back();
        if (take('\'')) {
            LB_TRY_ASSIGN(into.name, quoted('\''));
        } else {
            const std::size_t begin = at_;
            if (!begins_name(peek())) return wrong("the name of an attribute");
            while (begins_name(peek()) || is_digit(peek()) || peek() == '.') ++at_;
            into.name = text_.substr(begin, at_ - begin);
        }
        skip_blanks();
        if (!take('=')) return wrong("'=' after the name of an attribute");
        return {};
    }

    // Nothing: no literal, or one that is not whole.
    std::optional<Json> read_literal() {
        const char first = peek();
        if (first == '"') {
            ++at_;
            auto text = quoted('"');
            if (!text.ok()) return std::nullopt;
            return Json(std::move(*text));
        }
        if (is_digit(first) || first == '-' || first == '.') return read_number();
        const std::size_t begin = at_;
        while (begins_name(peek()) || is_digit(peek())) ++at_;
        const std::string_view word = text_.substr(begin, at_ - begin);
        if (equal_ignoring_case(word, "true")) return Json(true);
        if (equal_ignoring_case(word, "false")) return Json(false);
        if (equal_ignoring_case(word, "undefined")) return Json(nullptr);
        return std::nullopt;
    }

    std::optional<Json> read_number() {
        std::size_t end = at_ + (peek() == '-' ? 1 : 0);
        if (end == text_.size() || !(is_digit(text_[end]) || text_[end] == '.'))
            return std::nullopt;
        bool is_real = false;
        for (; end < text_.size(); ++end) {
            const char c = to_lower(text_[end]);
            const bool is_sign = (c == '-' || c == '+') && to_lower(text_[end - 1]) == 'e';
            is_real = is_real || c == '.' || c == 'e';
            if (!is_digit(c) && c != '.' && c != 'e' && !is_sign) break;
        }
        const char* const first = text_.data() + at_;
        const char* const last = text_.data() + end;
        at_ = end;
        if (!is_real) {
            std::int64_t number = 0;
            const auto [stop, problem] = std::from_chars(first, last, number);
            return problem == std::errc() && stop == last ? std::optional<Json>(number)
                                                          : std::nullopt;
        }
        double number = 0;
        const auto [stop, problem] = std::from_chars(first, last, number);
        return problem == std::errc() && stop == last ? std::optional<Json>(number) : std::nullopt;
    }

    // Behind the opening quote.
    Result<std::string> quoted(char quote) {
        std::string value;
        for (; at_ < text_.size(); ++at_) {
            char c = text_[at_];
            if (c == quote) {
                ++at_;
                return value;
            }
            if (c == '\\' && at_ + 1 < text_.size()) {
                c = text_[++at_];
                if (c == 'n') c = '\n';
                if (c == 't') c = '\t';
            }
            value += c;
        }
        return wrong("the end of a quoted text");
    }

    // To the separator or end of what it stands in; brackets inside must close.
    Status skip_expression() {
        std::string expected;
        while (at_ < text_.size()) {
            const char c = peek();
            if (expected.empty() && (c == open_.back().separator() || is_at_end())) return {};
            ++at_;
            if (c == '"' || c == '\'')
                LB_TRY(quoted(c));
            else if (c == '(')
                expected += ')';
            else if (c == '[')
                expected += ']';
            else if (c == '{')
                expected += '}';
            else if (!expected.empty() && c == expected.back())
                expected.pop_back();
            else if (c == ')' || c == ']' || c == '}')
                return wrong("no bracket that nothing opened");
        }
        if (!expected.empty() || !is_at_end()) return wrong("the end of the ad");
        return {};
    }

    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

    // Also what is commented out.
    void skip_blanks() {
        while (at_ < text_.size()) {
            const std::string_view rest = text_.substr(at_);
            if (is_blank(rest[0]))
                ++at_;
            else if (rest[0] == '#' || rest.substr(0, 2) == "//")
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (rest.substr(0, 2) == "/*")
                at_ = std::min(text_.find("*/", at_ + 2), text_.size() - 2) + 2;
            else
                return;
        }
    }

    [[nodiscard]] Error wrong(std::string_view expected) const {
        return {ErrorCode::kReject, "ClassAd, byte " + std::to_string(at_ + 1) + ": " +
                                        std::string(expected) + " is expected here"};
    }

    const std::string_view text_;
    std::size_t at_ = 0;
    std::size_t values_ = 0;
    std::vector<Open> open_;
    Json done_;
};

}  // namespace

Result<nlohmann::ordered_json> parse_classad(std::string_view text) {
    return Parser(text).parse();
}

}  // namespace lb::query
