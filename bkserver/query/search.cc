#include "bkserver/query/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "bkserver/query/candidate.h"
#include "bkserver/query/compile.h"
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
constexpr std::int64_t kHourUs = 3'600'000'000;

// When its hour began; the store counts hours the same way.
std::int64_t hour_of(std::int64_t time_us) {
    return time_us / kHourUs * kHourUs;
}

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

// A process that fits, and as how much of it the asker may see it. False: enough.
struct Sighting {
    const store::Process& process;
    authz::View view;
    ProcessCandidate& candidate;
};
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

// Of events: the same walk. Processes are looked up together for a portion of events, and
// remembered with whether all of them may be read.
class EventWalk {
  public:
    explicit EventWalk(const SearchContext& context) : context_(context) {}

    Result<std::optional<store::Place>> run(
        const Question& question, bool is_descending, std::uint32_t scanned_max,
        const std::function<Result<bool>(const store::FoundEvent&, EventCandidate&)>& visit) {
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
                EventCandidate candidate(context_.reader, found, *process->second);
                if (!question.compiled.is_exact) {
                    LB_TRY_ASSIGN(const bool is_fitting, candidate.fits(question.expression));
                    if (!is_fitting) continue;
                }
                LB_TRY_ASSIGN(const bool goes_on, visit(found, candidate));
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
        LB_TRY_ASSIGN(auto processes, context_.reader.get_processes(unknown));
        for (store::Process& process : processes) {
            LB_TRY_ASSIGN(const auto reading, reading_of(context_, process));
            // Events have no reduced form.
            if (reading.view == authz::View::kFull) readable_[process.number] = std::move(process);
        }
        return {};
    }

    const SearchContext& context_;
    // Nothing: it may not be read.
    std::unordered_map<store::ProcessNumber, std::optional<store::Process>> readable_;
};

struct GroupRow {
    std::string_view word;
    store::Column column;
    std::string_view listed;  // member of list_row() with the same
};
constexpr GroupRow kGroups[] = {
    {"state", store::Column::kState, "state"},
    {"vm_state", store::Column::kVmState, "vm_state"},
    {"host", store::Column::kHost, "vm_phy_hostname"},
    {"owner", store::Column::kOwner, "owner"},
    {"type", store::Column::kType, "jobtype"},
    {"hour", store::Column::kEntered, "stateEnterTime"},
};

Result<const GroupRow*> read_group(std::string_view word) {
    const GroupRow* none = nullptr;
    if (word.empty()) return none;
    for (const GroupRow& row : kGroups)
        if (row.word == word) return &row;
    return Error{ErrorCode::kReject,
                 fmt::format("processes are not counted by '{}'; there are state, vm_state, host, "
                             "owner, type and hour (of entering the state)",
                             word)};
}

std::string group_text(const store::Count& count, store::Column column) {
    if (column == store::Column::kType)
        return std::string(state::process_type_word(static_cast<std::uint32_t>(count.number)));
    if (column == store::Column::kEntered)
        return count.number == 0 ? std::string() : event::time_to_text(count.number);
    return count.text;
}

// The same of a process, as who asks sees it.
std::string group_text(const Sighting& seen, store::Column column, std::string_view salt) {
    if (column == store::Column::kEntered)
        return group_text({{}, hour_of(seen.process.entered_us), 0}, column);
    Row row = list_row(seen.process);
    restrict_row(row, seen.view, salt);
    for (const GroupRow& group : kGroups)
        if (const auto member = row.find(group.listed);
            group.column == column && member != row.end())
            return member->get<std::string>();
    return {};
}

using Groups = std::map<std::string, std::uint64_t>;

void write_groups(const Groups& groups, const GroupRow* by, bool is_truncated,
                  const OnRow& on_row) {
    std::vector<std::pair<std::string, std::uint64_t>> sorted(groups.begin(), groups.end());
    const bool by_time = by != nullptr && by->column == store::Column::kEntered;
    if (!by_time)
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [value, count] : sorted) {
        Row row = Row::object();
        if (by != nullptr) row[std::string(by->word)] = value;
        row["count"] = count;
        if (is_truncated) row["truncated"] = true;
        on_row(row);
    }
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
    std::uint32_t shown = 0;
    std::optional<store::Place> last;
    const auto visit = [&](const store::FoundEvent& found,
                           EventCandidate& candidate) -> Result<bool> {
        if (shown == question.limit) return false;
        LB_TRY_ASSIGN(const Row* const row, candidate.row());
        on_row(chosen(*row, ask));
        last = store::Place{found.time_us, found.event.arrival};
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
    LB_TRY_ASSIGN(const GroupRow* const by, read_group(ask.by()));
    Groups groups;
    if (by == nullptr) groups[""] = 0;
    // The database counts what it can select, for those who may read or count all.
    if (question.compiled.is_exact && context.policy.may_count_all(context.asker)) {
        LB_TRY_ASSIGN(const auto counts,
                      context.reader.count_processes(
                          question.compiled.filter,
                          by == nullptr ? std::nullopt : std::optional(by->column)));
        for (const store::Count& count : counts)
            groups[by == nullptr ? "" : group_text(count, by->column)] += count.count;
        write_groups(groups, by, false, on_row);
        return {};
    }
    const std::string salt = context.policy.salt();
    const auto visit = [&](const Sighting& seen) -> Result<bool> {
        ++groups[by == nullptr ? "" : group_text(seen, by->column, salt)];
        return true;
    };
    LB_TRY_ASSIGN(const auto place,
                  walk_processes(context, question, Walk{.scanned_max = kCountedRowsMax}, visit));
    write_groups(groups, by, place.has_value(), on_row);
    return {};
}

Status count_events(const SearchContext& context, const QueryRequest& ask, const OnRow& on_row) {
    LB_TRY_ASSIGN(const Question question, read_question(context, ask, event_domain()));
    if (!ask.by().empty())
        return Error{ErrorCode::kReject, "events are counted together only, not by a group"};
    std::uint64_t count = 0;
    bool is_truncated = false;
    if (question.compiled.is_exact && context.policy.may_count_all(context.asker)) {
        LB_TRY_ASSIGN(count, context.reader.count_events(question.compiled.filter));
    } else {
        LB_TRY_ASSIGN(const auto place,
                      EventWalk(context).run(question, false, kCountedRowsMax,
                                             [&](const store::FoundEvent&, auto&) -> Result<bool> {
                                                 ++count;
                                                 return true;
                                             }));
        is_truncated = place.has_value();
    }
    write_groups({{"", count}}, nullptr, is_truncated, on_row);
    return {};
}

void list_terms(bool of_events, const OnRow& on_row) {
    const Domain& domain = of_events ? event_domain() : process_domain();
    for (std::size_t i = 0; i < domain.terms.size(); ++i) {
        const language::Term& term = domain.terms[i];
        Row row = {{"name", term.name + (term.has_members ? ".NAME" : "")},
                   {"kind", word_of(term.kind)}};
        if (domain.sources[i].column) row["indexed"] = true;
        if (!term.help.empty()) row["help"] = term.help;
        if (!term.words.empty()) row["values"] = term.words;
        on_row(row);
    }
}

}  // namespace lb::query
