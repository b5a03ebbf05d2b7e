// Rows of an answer in the form that --output names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bkserver/cli/command_line.h"
#include "bkserver/cli/table.h"

namespace lb::cli {

struct Column {
    std::string heading;                                // of the table
    std::string member;                                 // of the row; also the heading of CSV
    std::function<std::string(const Json&)> text = {};  // in the table; default: the member's
};

class RowPrinter {
  public:
    // `id_member` is what `--output id` prints.
    RowPrinter(Context& context, std::vector<Column> columns, std::string id_member = "jobId");

    // JSON, CSV and ids come out at once, tables with finish().
    void add(const Json& row);
    void finish();

  private:
    Context& context_;
    const std::vector<Column> columns_;
    const std::string id_member_;
    Table table_;
};

// "silent, stale"; "none".
std::string listed(const Json& texts);
// "Running (running)": the state with the machine's own.
std::string state_words(const Json& row);

}  // namespace lb::cli
