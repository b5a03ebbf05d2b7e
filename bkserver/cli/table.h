// Rows as people read them.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/cli/command_line.h"

namespace lb::cli {

// Columns as wide as their widest cell, two blanks between them, a heading above.
class Table {
  public:
    explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}

    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    // On a terminal the widest columns are cut until a line fits, and states have colours.
    void print(std::ostream& out, const Terminal& terminal = {}) const;

  private:
    std::vector<std::vector<std::string>> rows_;  // the heading first
};

// A member as text: strings without quotes, "" when it is not there.
std::string text_of(const Json& row, std::string_view member);
// Bytes that could move a terminal become '?'.
std::string printable(std::string_view text);
// "name  value" lines; objects and lists below their name, indented.
void print_members(std::ostream& out, const Json& row, std::size_t indent = 0);

}  // namespace lb::cli
