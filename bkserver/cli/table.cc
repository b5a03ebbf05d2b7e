#include "bkserver/cli/table.h"

#include <algorithm>
#include <ostream>

#include "common/base/json_line.h"

namespace lb::cli {

namespace {

constexpr std::size_t kNameWidth = 24;

// Characters, not bytes: those of UTF-8 that continue one take no place.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string padded(std::string_view text, std::size_t width) {
    std::string out(text);
    const std::size_t used = width_of(text);
    if (used < width) out.append(width - used, ' ');
    return out;
}

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastWidth = 8;
constexpr std::string_view kPlain = "\x1b[0m";

// Takes from the widest column until a line fits, or all are narrow.
void narrow(std::vector<std::size_t>& widths, std::size_t line_width) {
    const auto total = [&] {
        std::size_t sum = 0;
        for (const std::size_t width : widths) sum += width + kGap;
        return sum - kGap;
    };
    while (!widths.empty() && total() > line_width) {
        const auto widest = std::max_element(widths.begin(), widths.end());
        if (*widest <= kLeastWidth) return;
        --*widest;
    }
}

std::string cut(std::string_view text, std::size_t width) {
    if (width_of(text) <= width) return std::string(text);
    std::size_t end = 0;
    for (std::size_t shown = 0; shown + 1 < width && end < text.size(); ++shown) {
        ++end;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    }
    return std::string(text.substr(0, end)) + "\u2026";
}

// Of cells that say a state: well, underway, ended badly.
std::string_view colour_of(std::string_view cell) {
    const auto begins = [&](std::initializer_list<std::string_view> words) {
        return std::any_of(words.begin(), words.end(),
                           [&](std::string_view word) { return cell.starts_with(word); });
    };
    if (begins({"Running"})) return "\x1b[32m";
    if (begins({"Submitted", "Waiting", "Ready", "Scheduled"})) return "\x1b[33m";
    if (begins({"Aborted", "Cancelled"})) return "\x1b[31m";
    return {};
}

std::string scalar(const Json& value) {
    if (value.is_string()) return printable(value.get_ref<const std::string&>());
    return json_line(value);
}

}  // namespace

void Table::print(std::ostream& out, const Terminal& terminal) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    }
    if (terminal.width != 0) narrow(widths, terminal.width);
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string cell = cut(row[i], widths[i]);
            const bool is_coloured = terminal.has_colours && &row != &rows_.front();
            const std::string_view colour = is_coloured ? colour_of(cell) : std::string_view();
            if (!colour.empty()) line += colour;
            line += cell;
            if (!colour.empty()) line += kPlain;
            if (i + 1 < row.size()) line.append(widths[i] + kGap - width_of(cell), ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out << line << '\n';
    }
}

std::string printable(std::string_view text) {
    std::string clean(text);
    for (char& c : clean)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
    return clean;
}

std::string text_of(const Json& row, std::string_view member) {
    const auto found = row.find(member);
    return found == row.end() ? std::string() : scalar(*found);
}

void print_members(std::ostream& out, const Json& row, std::size_t indent) {
    const std::string margin(indent, ' ');
    const std::size_t width = kNameWidth > indent ? kNameWidth - indent : 1;
    for (const auto& [name, value] : row.items()) {
        if (!value.is_structured()) {
            out << margin << padded(printable(name), width) << ' ' << scalar(value) << '\n';
            continue;
        }
        if (value.empty()) continue;
        out << margin << printable(name) << '\n';
        if (value.is_object()) {
            print_members(out, value, indent + 2);
            continue;
        }
        for (const Json& element : value) {
            if (!element.is_structured()) {
                out << margin << "  " << scalar(element) << '\n';
                continue;
            }
            out << margin << "  -\n";
            print_members(out, element, indent + 4);
        }
    }
}

}  // namespace lb::cli
