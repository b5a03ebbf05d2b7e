// One process or event that may fit a query, and the values that the query's conditions ask of it.
// What costs something (the status, the view, names) is worked out when it is first asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bkserver/query/fit.h"
#include "bkserver/query/forms.h"
#include "bkserver/query/vocabulary.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::query {

class ProcessCandidate {
  public:
    // Both outlive the candidate. `process` has its registers if anything but columns is asked.
    ProcessCandidate(store::Reader& reader, const store::Process& process, std::int64_t now_us)
        : reader_(reader), process_(process), now_us_(now_us) {}

    Result<bool> fits(const language::Expression& expression);
    // What term `term` of processes has; of `condition` its member and operands count.
    Result<std::vector<Value>> values(std::size_t term, const language::Condition& condition);
    // "one-vmid:cloud1" of the first of its keys that a cloud gave; empty: none did.
    Result<std::string> cloud();
    // The status as `lbctl status` shows it; what depends on now only if `with_view`.
    Result<Row> status(bool with_view);

  private:
    Result<const Row*> attributes();
    // What it was at a moment, by what is known of it now.
    Result<std::vector<Value>> past_values(std::size_t term, std::int64_t moment_us);
    Result<const state::View*> view();

    store::Reader& reader_;
    const store::Process& process_;
    const std::int64_t now_us_;
    std::optional<state::Registers> registers_;
    std::optional<state::ProcessStatus> status_;
    std::optional<Row> jdl_;
    std::optional<state::View> view_;
};

class EventCandidate {
  public:
    // All outlive the candidate; `process` answers for the event, and has its registers if anything
    // but columns is asked of it.
    EventCandidate(store::Reader& reader, const store::FoundEvent& found,
                   const store::Process& process, std::int64_t now_us)
        : reader_(reader), found_(found), process_(reader, process, now_us) {}

    Result<bool> fits(const language::Expression& expression);
    // As a history shows it; lives as long as the candidate.
    Result<const Row*> row();

  private:
    Result<std::vector<Value>> values(const language::Condition& condition);

    store::Reader& reader_;
    const store::FoundEvent& found_;
    ProcessCandidate process_;
    std::optional<Row> row_;
};

// The value that the store has in a column of a process; none where it has nothing.
std::vector<Value> value_of_column(const store::Process& process, store::Column column,
                                   const language::Term& term);

}  // namespace lb::query
