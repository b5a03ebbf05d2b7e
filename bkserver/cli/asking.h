// Questions to the server, by the library that any other consumer uses (lb/consumer.h), and the
// rows of their answers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bkserver/cli/command_line.h"
#include "bkserver/cli/progress.h"
#include "lb/consumer.h"

namespace lb::cli {

struct StatusQuestion {
    std::vector<std::string> processes;
    unsigned extras = 0;  // lb_status_extra, joined
    std::int64_t at_us = 0;
    std::int64_t known_at_us = 0;
};

// As lb_query_set() takes them; empty: the library's default.
struct QueryQuestion {
    std::string what = {};
    std::string condition = {};
    std::string sort = {};
    std::vector<std::string> fields = {};
    std::string by = {};
};

// What takes long says so on the error stream.
class Asker {
  public:
    // Connects as the settings say.
    static Result<Asker> connect(Context& context);

    // Each hands every row to `on_row`.
    Status status(const StatusQuestion& question, const OnRow& on_row);
    // An empty attribute: the state.
    Status why(const std::string& process, const std::string& attribute, const OnRow& on_row);
    // So many events at most; 0: all.
    Status history(const std::string& process, std::uint32_t events_max, const OnRow& on_row);
    // All pages, up to `rows_max` rows (0: all of them). True: there are more.
    Result<bool> query(const QueryQuestion& question, std::uint32_t rows_max, const OnRow& on_row);
    // The next changes, as soon as there are any; none after a minute without. `cursor` goes on
    // behind them; an empty one begins now.
    Status watch(const std::string& condition, std::string& cursor, const OnRow& on_row);

  private:
    using Consumer = std::unique_ptr<lb_consumer, decltype(&lb_consumer_free)>;
    using Ask = std::function<lb_answer(lb_consumer*, lb_rows**)>;

    Asker(Context& context, Consumer consumer)
        : context_(&context), consumer_(std::move(consumer)) {}
    // Asks once; returns the cursor for more.
    Result<std::string> ask(const Ask& question, const OnRow& on_row);
    Result<std::string> ask(const Ask& question, const OnRow& on_row, Progress& progress);
    Status ask_only(const Ask& question, const OnRow& on_row);

    Context* context_;
    Consumer consumer_;
};

}  // namespace lb::cli
