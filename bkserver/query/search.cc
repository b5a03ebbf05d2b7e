#include "bkserver/query/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "bkserver/query/candidate.h"
#include "bkserver/query/compile.h"
#include "bkserver/query/fields.h"
#include "bkserver/query/groups.h"
#include "bkserver/query/language/parser.h"
#include "bkserver/query/page_cursor.h"
#include "bkserver/query/sight.h"
#include "bkserver/query/views.h"
#include "common/event/identity.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

using language::Expression;
using lb::v1::QueryRequest;

// Rows that are asked of the store at once.
constexpr std::uint32_t kPortionRows = 500;
// Processes that a walk over events keeps in memory.
constexpr std::size_t kRememberedMax = 10'000;

// A question, read: what the pages of one answer have in common.
struct Question {
    // By what the asker sees of a process: whether it may be found by this question.
    [[nodiscard]] bool may_find(authz::View view) const {
        return is_askable[static_cast<std::size_t>(view)];
    }

    Expression expression;
    Compiled compiled;
    std::string text;  // what a cursor is bound to
    std::int64_t now_us = 0;
    std::optional<store::Place> after;
    std::uint32_t limit = 0;
    std::array<bool, 4> is_askable = {};  // by authz::View
};

Result<Question> read_question(const SearchContext& context, const QueryRequest& ask,
                               const Domain& domain) {
    Question question;
    question.text = fmt::format("{}\n{}\n{}", ask.what() == QueryRequest::WHAT_EVENTS ? "e" : "p",
                                ask.sort(), ask.condition());
    LB_TRY_ASSIGN(const auto cursor, read_cursor(ask.cursor(), question.text));
    question.now_us = cursor ? cursor->now_us : context.now_us;
    if (cursor) question.after = cursor->place;
    const std::string me = event::identity_text(context.asker);
    LB_TRY_ASSIGN(question.expression,
                  language::parse(ask.condition(), {domain.terms, question.now_us, me}));
    question.compiled = compile(question.expression, domain);
    for (std::size_t view = 0; view < question.is_askable.size(); ++view)
        question.is_askable[view] =
            may_ask(question.expression, domain, static_cast<authz::View>(view));
    question.limit = ask.limit() == 0 ? kPageRowsDefault : std::min(ask.limit(), kPageRowsMax);
    return question;
}

struct SortRow {
    std::string_view word;
    store::ProcessOrder order;
};
constexpr SortRow kSorts[] = {{"registered", store::ProcessOrder::kFounded},
                              {"entered", store::ProcessOrder::kEntered},
                              {"updated", store::ProcessOrder::kUpdated}};

struct Sort {
    store::ProcessOrder order = store::ProcessOrder::kFounded;
    bool is_descending = false;
};

Result<Sort> read_sort(std::string_view text) {
    Sort sort;
    if (text.empty()) return sort;
    sort.is_descending = text.starts_with('-');
    const std::string_view word = text.substr(sort.is_descending ? 1 : 0);
    for (const SortRow& row : kSorts)
        if (row.word == word) {
            sort.order = row.order;
            return sort;
        }
    return Error{ErrorCode::kReject,
                 fmt::format("'{}' is no order; there are registered, entered and updated, each "
                             "with '-' before it for the latest first",
                             text)};
}

std::int64_t sorted_value(const store::Process& process, store::ProcessOrder order) {
    switch (order) {
        case store::ProcessOrder::kFounded:
            return 0;
        case store::ProcessOrder::kEntered:
            return process.entered_us;
        case store::ProcessOrder::kUpdated:
            return process.updated_us;
    }
    return 0;
}

Result<authz::Reading> reading_of(const SearchContext& context, const store::Process& process) {
    return query::reading_of(context.reader, context.policy, context.asker, process);
}

// The members that are asked for, in that order; all of them when none is named.
Row chosen(const Row& row, const QueryRequest& ask) {
    if (ask.fields().empty()) return row;
    Row chosen = Row::object();
    for (const std::string& field : ask.fields())
        if (const auto member = row.find(field); member != row.end()) chosen[field] = *member;
    return chosen;
}

// Whether all the fields asked for stand in list_row().
bool is_in_list_row(const QueryRequest& ask) {
    constexpr std::string_view kListed[] = {
        "jobId",           "jobtype",        "state",          "vm_state", "owner",
        "vm_phy_hostname", "stateEnterTime", "lastUpdateTime", "adopted",  "not_understood"};
    return std::all_of(ask.fields().begin(), ask.fields().end(), [&](const std::string& field) {
        return std::find(std::begin(kListed), std::end(kListed), field) != std::end(kListed);
    });
}

// Whether the fields asked for have one that depends on now.
bool names_view(const QueryRequest& ask) {
    return ask.fields().empty() ||
           std::any_of(ask.fields().begin(), ask.fields().end(), [](const std::string& field) {
               return field == "disagreements" || field == "stale";
           });
}

// False: enough.
using VisitProcess = std::function<Result<bool>(const Sighting&)>;

struct Walk {
    Sort sort = {};
    bool needs_status = false;  // whatever the question needs
    std::uint32_t scanned_max = kScannedRowsMax;
    std::uint32_t portion = kPortionRows;  // asked of the store at first
};

// Calls `visit` for every process that fits and that the asker may find, until it returns false.
// Returns the place behind the last one that was looked at when there may be more.
Result<std::optional<store::Place>> walk_processes(const SearchContext& context,
                                                   const Question& question, const Walk& walk,
                                                   const VisitProcess& visit) {
    store::ProcessSelection selection = {
        .filter = within_reach(question.compiled.filter, context.policy, context.asker),
        .order = walk.sort.order,
        .is_descending = walk.sort.is_descending,
        .after = question.after,
        .limit = walk.portion,
        .with_registers = walk.needs_status || !question.compiled.is_exact};
    for (std::uint32_t scanned = 0; scanned < walk.scanned_max;) {
        LB_TRY_ASSIGN(const auto processes, context.reader.search_processes(selection));
        for (const store::Process& process : processes) {
            selection.after = store::Place{sorted_value(process, walk.sort.order), process.number};
            LB_TRY_ASSIGN(const auto reading, reading_of(context, process));
            const authz::View view = reading.view;
            if (!question.may_find(view)) continue;
            ProcessCandidate candidate(context.reader, process, question.now_us);
            if (!question.compiled.is_exact) {
                LB_TRY_ASSIGN(const bool is_fitting,
                              unless_unreadable(candidate.fits(question.expression), false));
                if (!is_fitting) continue;
            }
            LB_TRY_ASSIGN(const bool goes_on, visit({process, view, candidate}));
            if (!goes_on) return selection.after;
        }
        if (processes.size() < selection.limit) return std::optional<store::Place>();
        scanned += static_cast<std::uint32_t>(processes.size());
        selection.limit = kPortionRows;
    }
    return selection.after;
}

// Exact answers need no more rows than the page has; others look further.
std::uint32_t portion_of(const Question& question) {
    return question.compiled.is_exact ? question.limit + 1
                                      : std::max(question.limit + 1, kPortionRows);
}

std::string cursor_text(const Question& question, const std::optional<store::Place>& place) {
    return place ? to_text(PageCursor{question.now_us, *place}, question.text) : std::string();
}

// An event that fits, and the process that answers for it.
struct EventSighting {
    const store::FoundEvent& found;
    const store::Process& process;
    EventCandidate& candidate;
};

// Whether a question about events asks anything of their processes that only a status tells.
bool asks_of_statuses(const Expression& expression) {
    return std::any_of(expression.conditions.begin(), expression.conditions.end(),
                       [](const language::Condition& condition) {
                           const Source& source = event_domain().sources[condition.term];
                           return source.origin == Origin::kProcess && !source.column;
                       });
}

// Of events: the same walk. Processes are looked up together for a portion of events, and
// remembered with whether all of them may be read.
class EventWalk {
  public:
    explicit EventWalk(const SearchContext& context) : context_(context) {}

    Result<std::optional<store::Place>> run(
        const Question& question, bool is_descending, std::uint32_t scanned_max,
        const std::function<Result<bool>(const EventSighting&)>& visit) {
        looks_at_statuses_ = asks_of_statuses(question.expression);
        store::EventSelection selection = {
            within_reach(question.compiled.filter, context_.policy, context_.asker), is_descending,
            question.after, portion_of(question)};
        for (std::uint32_t scanned = 0; scanned < scanned_max;) {
            LB_TRY_ASSIGN(const auto events, context_.reader.search_events(selection));
            LB_TRY(look_up_processes(events));
            for (const store::FoundEvent& found : events) {
                selection.after = store::Place{found.time_us, found.event.arrival};
                const auto process = readable_.find(found.process);
                if (process == readable_.end() || !process->second) continue;
                EventCandidate candidate(context_.reader, found, *process->second, question.now_us);
                if (!question.compiled.is_exact) {
                    auto fits = candidate.fits(question.expression);
                    if (looks_at_statuses_) fits = unless_unreadable(std::move(fits), false);
                    LB_TRY_ASSIGN(const bool is_fitting, std::move(fits));
                    if (!is_fitting) continue;
                }
                LB_TRY_ASSIGN(const bool goes_on, visit({found, *process->second, candidate}));
                if (!goes_on) return selection.after;
            }
            if (events.size() < selection.limit) return std::optional<store::Place>();
            scanned += static_cast<std::uint32_t>(events.size());
            selection.limit = kPortionRows;
        }
        return selection.after;
    }

  private:
    Status look_up_processes(const std::vector<store::FoundEvent>& events) {
        if (readable_.size() > kRememberedMax) readable_.clear();
        std::vector<store::ProcessNumber> unknown;
        for (const store::FoundEvent& found : events)
            if (readable_.try_emplace(found.process).second) unknown.push_back(found.process);
        if (unknown.empty()) return {};
        LB_TRY_ASSIGN(auto processes, context_.reader.get_processes(unknown, looks_at_statuses_));
        for (store::Process& process : processes) {
            LB_TRY_ASSIGN(const auto reading, reading_of(context_, process));
            // Events have no reduced form.
            if (reading.view == authz::View::kFull) readable_[process.number] = std::move(process);
        }
        return {};
    }

    const SearchContext& context_;
    bool looks_at_statuses_ = false;
    // Nothing: it may not be read.
    std::unordered_map<store::ProcessNumber, std::optional<store::Process>> readable_;
};

std::optional<store::Column> column_of(const Group* by) {
    return by == nullptr ? std::nullopt : std::optional(by->column);
}

void add_counts(const std::vector<store::Count>& counts, const Group* by, Tally& tally) {
    for (const store::Count& count : counts)
        tally.add(by == nullptr ? std::string() : group_text(*by, count), count.count);
}

std::string_view word_of(language::Kind kind) {
    switch (kind) {
        case language::Kind::kText:
            return "text";
        case language::Kind::kIdentity:
            return "identity";
        case language::Kind::kWord:
            return "word";
        case language::Kind::kInteger:
            return "number";
        case language::Kind::kFlag:
            return "flag";
        case language::Kind::kTime:
            return "time";
    }
    return {};
}

}  // namespace

Result<std::string> search_processes(const SearchContext& context, const QueryRequest& ask,
                                     const OnRow& on_row) {
    LB_TRY_ASSIGN(const Question question, read_question(context, ask, process_domain()));
    LB_TRY_ASSIGN(const Sort sort, read_sort(ask.sort()));
    LB_TRY(check_process_fields(ask));
    const bool needs_status = !is_in_list_row(ask);
    const bool needs_view = names_view(ask);
    std::uint32_t shown = 0;
    std::optional<store::Place> last;
    const std::string salt = context.policy.salt();
    const auto visit = [&](const Sighting& seen) -> Result<bool> {
        if (shown == question.limit) return false;
        Row row = list_row(seen.process);
        if (needs_status) {
            auto status = seen.candidate.status(needs_view);
            if (status.ok())
                row = *std::move(status);
            else if (is_of_one_process(status.error()))
                row["not_understood"] = true;
            else
                return status.error();
        }
        restrict_row(row, seen.view, salt);
        on_row(chosen(row, ask));
        last = store::Place{sorted_value(seen.process, sort.order), seen.process.number};
        ++shown;
        return true;
    };
    const Walk walk = {.sort = sort, .needs_status = needs_status, .portion = portion_of(question)};
    LB_TRY_ASSIGN(auto place, walk_processes(context, question, walk, visit));
    // A full page ends behind its last row, a scan that came to its bound where it stood.
    if (place && shown == question.limit) place = last;
    return cursor_text(question, place);
}

Result<std::string> search_events(const SearchContext& context, const QueryRequest& ask,
                                  const OnRow& on_row) {
    LB_TRY_ASSIGN(const Question question, read_question(context, ask, event_domain()));
    if (!ask.sort().empty() && ask.sort() != "time" && ask.sort() != "-time")
        return Error{ErrorCode::kReject, "events are sorted by time or -time"};
    LB_TRY(check_event_fields(ask));
    std::uint32_t shown = 0;
    std::optional<store::Place> last;
    const auto visit = [&](const EventSighting& seen) -> Result<bool> {
        if (shown == question.limit) return false;
        LB_TRY_ASSIGN(const Row* const row, seen.candidate.row());
        on_row(chosen(*row, ask));
        last = store::Place{seen.found.time_us, seen.found.event.arrival};
        ++shown;
        return true;
    };
    LB_TRY_ASSIGN(auto place,
                  EventWalk(context).run(question, ask.sort() == "-time", kScannedRowsMax, visit));
    if (place && shown == question.limit) place = last;
    return cursor_text(question, place);
}

Status count_processes(const SearchContext& context, const QueryRequest& ask, const OnRow& on_row) {
    LB_TRY_ASSIGN(const Question question, read_question(context, ask, process_domain()));
    LB_TRY_ASSIGN(const Group* const by, read_process_group(ask.by()));
    Tally tally(by);
    // The database counts what it can select, for those who may read or count all.
    if (question.compiled.is_exact && context.policy.may_count_all(context.asker)) {
        LB_TRY_ASSIGN(const auto counts,
                      context.reader.count_processes(question.compiled.filter, column_of(by)));
        add_counts(counts, by, tally);
        tally.write(false, on_row);
        return {};
    }
    const std::string salt = context.policy.salt();
    const auto visit = [&](const Sighting& seen) -> Result<bool> {
        std::string value;
        if (by != nullptr) {
            LB_TRY_ASSIGN(value, group_text(*by, seen, salt));
        }
        tally.add(value);
        return true;
    };
    LB_TRY_ASSIGN(const auto place,
                  walk_processes(context, question, Walk{.scanned_max = kCountedRowsMax}, visit));
    tally.write(place.has_value(), on_row);
    return {};
}

Status count_events(const SearchContext& context, const QueryRequest& ask, const OnRow& on_row) {
    LB_TRY_ASSIGN(const Question question, read_question(context, ask, event_domain()));
    LB_TRY_ASSIGN(const Group* const by, read_event_group(ask.by()));
    Tally tally(by);
    if (question.compiled.is_exact && context.policy.may_count_all(context.asker)) {
        LB_TRY_ASSIGN(const auto counts,
                      context.reader.count_events(question.compiled.filter, column_of(by)));
        add_counts(counts, by, tally);
        tally.write(false, on_row);
        return {};
    }
    const auto visit = [&](const EventSighting& seen) -> Result<bool> {
        tally.add(by == nullptr ? std::string() : group_text(*by, seen.found, seen.process));
        return true;
    };
    LB_TRY_ASSIGN(const auto place,
                  EventWalk(context).run(question, false, kCountedRowsMax, visit));
    tally.write(place.has_value(), on_row);
    return {};
}

void list_terms(bool of_events, const OnRow& on_row) {
    const Domain& domain = of_events ? event_domain() : process_domain();
    for (std::size_t i = 0; i < domain.terms.size(); ++i) {
        const language::Term& term = domain.terms[i];
        Row row = {{"name", term.name + (term.is_of_moments ? ".TIME"
                                         : term.has_members ? ".NAME"
                                                            : "")},
                   {"kind", word_of(term.kind)}};
        if (domain.sources[i].column) row["indexed"] = true;
        if (!term.help.empty()) row["help"] = term.help;
        if (!term.words.empty()) row["values"] = term.words;
        on_row(row);
    }
}

}  // namespace lb::query
