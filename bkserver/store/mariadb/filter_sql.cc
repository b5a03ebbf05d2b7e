#include "bkserver/store/mariadb/filter_sql.h"

#include <algorithm>
#include <utility>

#include "bkserver/store/mariadb/rows.h"
#include "common/base/assert.h"
#include "common/event/process_id.h"

namespace lb::store::mariadb {

namespace {

// A text that has no number stands in no row: number 0 is only met where nothing is.
constexpr std::int64_t kNowhere = 0xffffffff;
constexpr std::size_t kListLengths[] = {1, 4, 16, 64, 256, 1024};

struct ColumnRow {
    Column column;
    std::string_view sql;
    TextKind kind;  // of columns that hold texts
};
constexpr ColumnRow kColumns[] = {
    {Column::kProcessNumber, "p.number", {}},
    {Column::kName, "p.number", {}},
    {Column::kType, "p.type", {}},
    {Column::kState, "p.state", TextKind::kWord},
    {Column::kVmState, "p.vm_state", TextKind::kWord},
    {Column::kOwner, "p.owner", TextKind::kOwner},
    {Column::kHost, "p.host", TextKind::kHost},
    {Column::kEntered, "p.entered_us", {}},
    {Column::kUpdated, "p.updated_us", {}},
    {Column::kAdopted, "(p.flags & 1 AND p.registrant = 0)", {}},
    {Column::kEventType, "e.type", {}},
    {Column::kEventTime, "e.time_us", {}},
    {Column::kEventArrived, "e.arrived_us", {}},
    {Column::kEventVerdict, "e.verdict", {}},
};

const ColumnRow& row_of(Column column) {
    const auto row = std::find_if(std::begin(kColumns), std::end(kColumns),
                                  [&](const ColumnRow& one) { return one.column == column; });
    LB_ASSERT(row != std::end(kColumns));
    return *row;
}

std::string like_pattern(std::string_view pattern) {
    std::string like;
    for (const char c : pattern) {
        if (c == '*' || c == '?') {
            like += c == '*' ? '%' : '_';
            continue;
        }
        if (c == '%' || c == '_' || c == '\\') like += '\\';
        like += c;
    }
    return like;
}

Status add_names(Sql& sql, const Clause& clause, Dictionary& dictionary, std::string_view service) {
    sql.add("p.number IN (SELECT n.process FROM subject n ");
    if (clause.match == Match::kPattern) {
        sql.add("JOIN dictionary d ON d.number = n.scope WHERE CONCAT(d.content, n.name) LIKE ");
        sql.bind(like_pattern(clause.texts.at(0))).add(")");
        return {};
    }
    sql.add("WHERE FALSE");
    for (const std::string& name : clause.texts) {
        const std::string text = subject_text_of(name, service);
        const auto [scope, rest] = split_subject(text);
        LB_TRY_ASSIGN(const std::uint32_t number, dictionary.find(TextKind::kScope, scope));
        sql.add(" OR (n.name = ").bind(std::string(rest)).add(" AND n.scope = ");
        sql.bind(std::uint64_t{number}).add(")");
    }
    sql.add(")");
    return {};
}

Status add_texts(Sql& sql, const ColumnRow& row, const Clause& clause, Dictionary& dictionary) {
    sql.add(row.sql);
    if (clause.match == Match::kPattern) {
        // The empty text has no number.
        const std::string& pattern = clause.texts.at(0);
        const bool fits_nothing =
            std::all_of(pattern.begin(), pattern.end(), [](char c) { return c == '*'; });
        if (fits_nothing) {
            sql.add(" >= 0");
            return {};
        }
        sql.add(" IN (SELECT d.number FROM dictionary d WHERE d.kind = ");
        sql.bind(std::uint64_t{static_cast<std::uint8_t>(row.kind)}).add(" AND d.content LIKE ");
        sql.bind(like_pattern(pattern)).add(")");
        return {};
    }
    std::vector<std::int64_t> numbers;
    for (const std::string& text : clause.texts) {
        LB_TRY_ASSIGN(const std::uint32_t number, dictionary.find(row.kind, text));
        numbers.push_back(number == 0 && !text.empty() ? kNowhere : std::int64_t{number});
    }
    sql.add(" IN ").bind_list(std::move(numbers));
    return {};
}

Status add_clause(Sql& sql, const Clause& clause, Dictionary& dictionary,
                  std::string_view service) {
    if (clause.column == Column::kName) return add_names(sql, clause, dictionary, service);
    const ColumnRow& row = row_of(clause.column);
    if (holds_text(clause.column)) return add_texts(sql, row, clause, dictionary);
    sql.add(row.sql);
    switch (clause.match) {
        case Match::kOneOf:
            sql.add(" IN ").bind_list(clause.numbers);
            return {};
        case Match::kAtLeast:
            sql.add(" >= ").bind_signed(clause.numbers.at(0));
            return {};
        case Match::kAtMost:
            sql.add(" <= ").bind_signed(clause.numbers.at(0));
            return {};
        case Match::kPattern:
            break;
    }
    return Error{ErrorCode::kBug, "a pattern for a column without texts"};
}

// Postfix to infix: where each operand's text begins is on the stack. Returns, for every step, what
// stands before and behind it.
struct Frame {
    std::vector<std::string> before;  // of each clause
    std::vector<std::string> behind;
};

Frame frame_of(const Filter& filter) {
    struct Span {
        std::size_t first;  // clauses that it covers
        std::size_t last;
    };
    Frame frame = {std::vector<std::string>(filter.clauses.size()),
                   std::vector<std::string>(filter.clauses.size())};
    std::vector<Span> stack;
    std::size_t clause = 0;
    for (const Filter::Step step : filter.steps) {
        if (step == Filter::Step::kClause) {
            stack.push_back({clause, clause});
            ++clause;
            continue;
        }
        const Span right = stack.back();
        if (step == Filter::Step::kNot) {
            frame.before[right.first].insert(0, "NOT (");
            frame.behind[right.last] += ")";
            continue;
        }
        stack.pop_back();
        frame.before[stack.back().first].insert(0, "(");
        frame.before[right.first].insert(0, step == Filter::Step::kAnd ? " AND " : " OR ");
        frame.behind[right.last] += ")";
        stack.back().last = right.last;
    }
    LB_ASSERT(clause == filter.clauses.size() && stack.size() <= 1);
    return frame;
}

}  // namespace

Sql& Sql::bind(std::uint64_t number) {
    values_.emplace_back(number);
    return add("?");
}

Sql& Sql::bind_signed(std::int64_t number) {
    values_.emplace_back(number);
    return add("?");
}

Sql& Sql::bind(std::string bytes) {
    values_.emplace_back(std::string_view(kept_.emplace_back(std::move(bytes))));
    return add("?");
}

Sql& Sql::bind_list(std::vector<std::int64_t> numbers) {
    if (numbers.empty()) numbers.push_back(kNowhere);
    for (const std::size_t length : kListLengths)
        if (length >= numbers.size()) {
            numbers.resize(length, numbers.back());
            break;
        }
    add("(");
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (i > 0) add(", ");
        bind_signed(numbers[i]);
    }
    return add(")");
}

Status add_filter(Sql& sql, const Filter& filter, Dictionary& dictionary,
                  std::string_view service) {
    if (filter.steps.empty()) return {};
    const Frame frame = frame_of(filter);
    sql.add(" AND (");
    for (std::size_t i = 0; i < filter.clauses.size(); ++i) {
        sql.add(frame.before[i]);
        LB_TRY(add_clause(sql, filter.clauses[i], dictionary, service));
        sql.add(frame.behind[i]);
    }
    sql.add(")");
    return {};
}

std::string subject_text_of(std::string_view name, std::string_view service) {
    const auto subject = event::parse_subject(name);
    if (!subject.ok()) return "https://" + std::string(service) + "/" + std::string(name);
    event::Subject canonical = *subject;
    if (auto* id = std::get_if<event::ProcessId>(&canonical)) id->info.clear();
    return event::to_string(canonical);
}

}  // namespace lb::store::mariadb
