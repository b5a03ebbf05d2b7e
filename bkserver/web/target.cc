#include "bkserver/web/target.h"

#include <algorithm>
#include <optional>

#include "common/base/encoding.h"

namespace lb::web {

namespace {

constexpr std::size_t kSegmentsMax = 16;
constexpr std::size_t kParametersMax = 32;

Error wrong(std::string_view what) {
    return {ErrorCode::kReject, "the address of the request " + std::string(what)};
}

bool is_printable(char character) {
    return character > ' ' && character != '\x7f';
}

// Percent escapes, and in queries '+' for a blank.
std::optional<std::string> decode(std::string_view text, bool is_query) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char character = text[i];
        if (character == '%') {
            const auto byte = from_hex(text.substr(i + 1, 2));
            if (!byte || byte->size() != 1) return std::nullopt;
            character = (*byte)[0];
            i += 2;
        } else if (is_query && character == '+') {
            character = ' ';
        }
        if (static_cast<unsigned char>(character) < ' ' || character == '\x7f') return std::nullopt;
        decoded += character;
    }
    return decoded;
}

Status read_path(std::string_view path, std::vector<std::string>& segments) {
    if (path == "/") return {};
    for (std::size_t begin = 1; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        auto segment = decode(path.substr(begin, end - begin), false);
        if (!segment) return wrong("has a broken escape or a control character");
        if (segment->empty() || *segment == "." || *segment == "..")
            return wrong("has an empty, \".\" or \"..\" part");
        if (segments.size() == kSegmentsMax) return wrong("has too many parts");
        segments.push_back(std::move(*segment));
        begin = end + 1;
    }
    return {};
}

Status read_query(std::string_view query, std::vector<Pair>& pairs) {
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view part = query.substr(0, end);
        query = query.substr(std::min(end + 1, query.size()));
        if (part.empty()) continue;
        const std::size_t equal = part.find('=');
        auto name = decode(part.substr(0, equal), true);
        auto value = decode(equal == part.npos ? std::string_view{} : part.substr(equal + 1), true);
        if (!name || !value) return wrong("has a broken escape or a control character");
        if (pairs.size() == kParametersMax) return wrong("has too many parameters");
        if (std::any_of(pairs.begin(), pairs.end(),
                        [&](const Pair& pair) { return pair.first == *name; }))
            return wrong("has the parameter \"" + *name + "\" twice");
        pairs.emplace_back(std::move(*name), std::move(*value));
    }
    return {};
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
    if (text.empty() || text[0] != '/') return wrong("must begin with \"/\"");
    if (!std::all_of(text.begin(), text.end(), is_printable))
        return wrong("has a blank or a control character");
    const std::size_t mark = std::min(text.find('?'), text.size());
    Target target;
    target.path = std::string(text.substr(0, mark));
    LB_TRY(read_path(target.path, target.segments));
    LB_TRY(read_query(text.substr(std::min(mark + 1, text.size())), target.query));
    return target;
}

}  // namespace lb::web
