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
    TextKind kind;                 // of columns that hold texts
    std::string_view ending = {};  // of all stored texts, not of those asked for
};
constexpr ColumnRow kColumns[] = {
    {Column::kProcessNumber, "p.number", {}},
    {Column::kType, "p.type", {}},
    {Column::kState, "p.state", TextKind::kWord},
    {Column::kVmState, "p.vm_state", TextKind::kWord},
    {Column::kOwner, "p.owner", TextKind::kOwner},
    {Column::kHost, "p.host", TextKind::kHost},
    {Column::kCloud, kCloudOfProcess, TextKind::kScope, kScopeEnd},
    {Column::kEntered, "p.entered_us", {}},
    {Column::kUpdated, "p.updated_us", {}},
    {Column::kAdopted, "(p.flags & 1 AND p.registrant = 0)", {}},
    {Column::kRegistrant, "p.registrant", TextKind::kOwner},
    {Column::kAccessList, "(p.flags & 4 <> 0)", {}},
    {Column::kEventType, "e.type", {}},
    {Column::kEventTime, "e.time_us", {}},
    {Column::kEventArrived, "e.arrived_us", {}},
    {Column::kEventVerdict, "e.verdict", {}},
};

// Columns whose values are names of processes: behind `named` follows what the names are.
struct NameRow {
    Column column;
    std::string_view named;
    std::string_view absent;  // it has no value
};
constexpr NameRow kNames[] = {
    {Column::kName, "p.number IN (SELECT n.process FROM subject n ", "FALSE"},
    {Column::kParent,
     "p.number IN (SELECT r.child FROM subject n JOIN relation r ON r.parent = n.process ",
     "NOT EXISTS (SELECT 1 FROM relation r WHERE r.child = p.number)"},
    {Column::kChild,
     "p.number IN (SELECT r.parent FROM subject n JOIN relation r ON r.child = n.process ",
     "NOT EXISTS (SELECT 1 FROM relation r WHERE r.parent = p.number)"},
};

const NameRow* find_name_row(Column column) {
    const auto row = std::find_if(std::begin(kNames), std::end(kNames),
                                  [&](const NameRow& one) { return one.column == column; });
    return row == std::end(kNames) ? nullptr : row;
}

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

// It fits the empty text, too: what is absent.
bool fits_anything(std::string_view pattern) {
    return pattern.find_first_not_of('*') == std::string_view::npos;
}

Status add_names(Sql& sql, const NameRow& row, const Clause& clause, Dictionary& dictionary,
                 std::string_view service) {
    if (clause.match == Match::kPattern) {
        if (fits_anything(clause.texts.at(0))) {
            sql.add("TRUE");
            return {};
        }
        sql.add(row.named);
        sql.add("JOIN dictionary d ON d.number = n.scope WHERE CONCAT(d.content, n.name) LIKE ");
        sql.bind(like_pattern(clause.texts.at(0))).add(")");
        return {};
    }
    std::vector<std::string> names;
    for (const std::string& name : clause.texts)
        if (!name.empty()) names.push_back(subject_text_of(name, service));
    const bool is_absent_wanted = names.size() < clause.texts.size();
    if (names.empty()) {
        sql.add(is_absent_wanted ? row.absent : "FALSE");
        return {};
    }
    // Without the alternative the database makes a join of it.
    if (is_absent_wanted) sql.add("(").add(row.absent).add(" OR ");
    sql.add(row.named).add("WHERE ");
    for (const std::string& name : names) {
        const auto [scope, rest] = split_subject(name);
        LB_TRY_ASSIGN(const std::uint32_t number, dictionary.find(TextKind::kScope, scope));
        sql.add(&name == &names.front() ? "(n.name = " : " OR (n.name = ").bind(std::string(rest));
        sql.add(" AND n.scope = ").bind(std::uint64_t{number}).add(")");
    }
    sql.add(is_absent_wanted ? "))" : ")");
    return {};
}

Status add_texts(Sql& sql, const ColumnRow& row, const Clause& clause, Dictionary& dictionary) {
    sql.add(row.sql);
    if (clause.match == Match::kPattern) {
        // The empty text has no number.
        const std::string& pattern = clause.texts.at(0);
        if (fits_anything(pattern)) {
            sql.add(" >= 0");
            return {};
        }
        sql.add(" IN (SELECT d.number FROM dictionary d WHERE d.kind = ");
        sql.bind(std::uint64_t{static_cast<std::uint8_t>(row.kind)}).add(" AND d.content LIKE ");
        sql.bind(like_pattern(pattern + std::string(row.ending))).add(")");
        return {};
    }
    std::vector<std::int64_t> numbers;
    for (const std::string& text : clause.texts) {
        const std::string stored = text.empty() ? text : text + std::string(row.ending);
        LB_TRY_ASSIGN(const std::uint32_t number, dictionary.find(row.kind, stored));
        numbers.push_back(number == 0 && !text.empty() ? kNowhere : std::int64_t{number});
    }
    sql.add(" IN ").bind_list(std::move(numbers));
    return {};
}

Status add_clause(Sql& sql, const Clause& clause, Dictionary& dictionary,
                  std::string_view service) {
    if (const NameRow* const names = find_name_row(clause.column))
        return add_names(sql, *names, clause, dictionary, service);
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
