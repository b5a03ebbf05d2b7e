#include "bkserver/cli/row_printer.h"

#include <ostream>

namespace lb::cli {

namespace {

std::vector<std::string> headings_of(const std::vector<Column>& columns) {
    std::vector<std::string> headings;
    for (const Column& column : columns) headings.push_back(column.heading);
    return headings;
}

bool is_number(std::string_view text) {
    const std::size_t begin = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    return text.size() > begin &&
           text.find_first_not_of("0123456789.", begin) == std::string_view::npos;
}

// RFC 4180; whatever a spreadsheet would take for a formula is told apart by a quote before it.
std::string csv_cell(std::string text) {
    constexpr std::string_view kFormulas = "=+-@";
    if (!text.empty() && kFormulas.find(text.front()) != std::string_view::npos && !is_number(text))
        text.insert(0, "'");
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

void print_csv_line(std::ostream& out, const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) out << (i == 0 ? "" : ",") << csv_cell(cells[i]);
    out << "\r\n";
}

}  // namespace

RowPrinter::RowPrinter(Context& context, std::vector<Column> columns, std::string id_member)
    : context_(context),
      columns_(std::move(columns)),
      id_member_(std::move(id_member)),
      table_(headings_of(columns_)) {
    if (context_.settings.output != "csv") return;
    std::vector<std::string> members;
    for (const Column& column : columns_) members.push_back(column.member);
    print_csv_line(context_.out, members);
}

void RowPrinter::add(const Json& row) {
    const std::string& output = context_.settings.output;
    if (output == "json") return context_.print_json(row);
    if (output == "id") {
        context_.out << text_of(row, id_member_) << '\n';
        return;
    }
    std::vector<std::string> cells;
    const bool is_table = output == "table";
    for (const Column& column : columns_)
        cells.push_back(is_table && column.text ? column.text(row) : text_of(row, column.member));
    if (is_table)
        table_.add(std::move(cells));
    else
        print_csv_line(context_.out, cells);
}

void RowPrinter::finish() {
    if (context_.settings.output == "table") table_.print(context_.out, context_.terminal);
}

std::string listed(const Json& texts) {
    std::string words;
    for (const Json& text : texts) words += (words.empty() ? "" : ", ") + text.get<std::string>();
    return words.empty() ? "none" : words;
}

std::string state_words(const Json& row) {
    std::string words = text_of(row, "state");
    if (const std::string vm_state = text_of(row, "vm_state"); !vm_state.empty())
        words += " (" + vm_state + ")";
    return words;
}

}  // namespace lb::cli
