#include "bkserver/web/event_body.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/limits.h"

namespace lb::web {

namespace {

// An event has fields and attributes, and these have no members: deeper nesting is an attack.
constexpr int kDepthMax = 8;

bool is_blank(char character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

// Follows brackets, outside of texts.
class Nesting {
  public:
    void pass(char character) {
        if (is_escaped_) {
            is_escaped_ = false;
        } else if (is_text_) {
            is_escaped_ = character == '\\';
            is_text_ = character != '"';
        } else if (character == '"') {
            is_text_ = true;
        } else if (character == '{' || character == '[') {
            deepest_ = std::max(deepest_, ++depth_);
        } else if (character == '}' || character == ']') {
            --depth_;
        }
    }
    [[nodiscard]] bool is_closed() const { return depth_ <= 0 && !is_text_; }
    [[nodiscard]] bool is_too_deep() const { return deepest_ > kDepthMax; }

  private:
    int depth_ = 0;
    int deepest_ = 0;
    bool is_text_ = false;
    bool is_escaped_ = false;
};

class Scanner {
  public:
    explicit Scanner(std::string_view body) : body_(body) {}

    Result<std::vector<std::string_view>> scan() {
        skip_blanks();
        const bool is_array = take('[');
        skip_blanks();
        if (is_array && take(']')) return finish();
        while (at_ < body_.size()) {
            LB_TRY(take_object());
            skip_blanks();
            if (!is_array) continue;
            if (take(']')) return finish();
            if (!take(',')) return wrong("expected a comma or the end of the array");
            skip_blanks();
        }
        if (is_array) return wrong("the array has no end");
        return finish();
    }

  private:
    Error wrong(std::string_view what) const {
        return {ErrorCode::kReject,
                "byte " + std::to_string(at_ + 1) + " of the body: " + std::string(what)};
    }

    void skip_blanks() {
        while (at_ < body_.size() && is_blank(body_[at_])) ++at_;
    }

    bool take(char character) {
        if (at_ >= body_.size() || body_[at_] != character) return false;
        ++at_;
        return true;
    }

    Result<std::vector<std::string_view>> finish() {
        skip_blanks();
        if (at_ < body_.size()) return wrong("something follows the array");
        return std::move(events_);
    }

    // Up to the brace that closes it; what is in it is the parser's affair.
    Status take_object() {
        const std::size_t begin = at_;
        if (body_[at_] != '{') return wrong("expected an event, a JSON object");
        Nesting nesting;
        for (; at_ < body_.size(); ++at_) {
            nesting.pass(body_[at_]);
            if (nesting.is_too_deep())
                return Error{ErrorCode::kFull, wrong("nested too deeply for an event").text};
            if (!nesting.is_closed()) continue;
            ++at_;
            return add(begin);
        }
        at_ = begin;
        return wrong("the event that begins here has no end");
    }

    Status add(std::size_t begin) {
        if (events_.size() == kBodyEventsMax)
            return Error{ErrorCode::kFull,
                         "more than 1000 events in one request: send them in "
                         "several"};
        events_.push_back(body_.substr(begin, at_ - begin));
        return {};
    }

    const std::string_view body_;
    std::size_t at_ = 0;
    std::vector<std::string_view> events_;
};

Result<std::vector<std::string_view>> split_lines(std::string_view body) {
    std::vector<std::string_view> lines;
    while (!body.empty()) {
        const std::size_t end = std::min(body.find('\n'), body.size());
        std::string_view line = body.substr(0, end);
        body = body.substr(std::min(end + 1, body.size()));
        while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
        if (line.empty()) continue;
        if (lines.size() == kBodyEventsMax)
            return Error{ErrorCode::kFull,
                         "more than 1000 events in one request: send them in several"};
        Nesting nesting;
        for (const char character : line) nesting.pass(character);
        if (nesting.is_too_deep())
            return Error{ErrorCode::kFull, "line " + std::to_string(lines.size() + 1) +
                                               " is nested too deeply for an event"};
        lines.push_back(line);
    }
    return lines;
}

}  // namespace

Result<std::vector<std::string_view>> split_events(std::string_view body, bool is_lines) {
    auto events = is_lines ? split_lines(body) : Scanner(body).scan();
    if (events.ok() && events->empty()) return Error{ErrorCode::kReject, "the body has no event"};
    return events;
}

Result<nlohmann::json> parse_event(std::string_view text) {
    if (text.size() > limits::kEventBytesMax)
        return Error{ErrorCode::kReject, "the event is longer than 1 MiB"};
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& exception) {
        return Error{ErrorCode::kReject, "no JSON: " + std::string(exception.what())};
    }
}

}  // namespace lb::web
