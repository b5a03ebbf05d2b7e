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

std::string scalar(const Json& value) {
    if (value.is_string()) return printable(value.get_ref<const std::string&>());
    return json_line(value);
}

}  // namespace

void Table::print(std::ostream& out) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    }
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += i + 1 == row.size() ? row[i] : padded(row[i], widths[i] + 2);
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
