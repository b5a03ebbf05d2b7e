#include "bkserver/query/changes.h"

#include <algorithm>
#include <charconv>

#include "bkserver/query/candidate.h"
#include "bkserver/query/language/parser.h"
#include "bkserver/query/sight.h"
#include "bkserver/query/views.h"
#include "common/event/identity.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

// "1:52,3:17": the last number seen of each stream.
std::string to_text(const store::ChangeCursor& cursor) {
    std::string text = "c";
    for (const auto& [stream, number] : cursor)
        text +=
            (text.size() == 1 ? "" : ",") + std::to_string(stream) + ":" + std::to_string(number);
    return text;
}

template <typename Number>
bool take(std::string_view& text, Number& number) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return problem == std::errc();
}

bool take_sign(std::string_view& text, char sign) {
    if (!text.starts_with(sign)) return false;
    text.remove_prefix(1);
    return true;
}

Result<store::ChangeCursor> read_change_cursor(std::string_view text) {
    store::ChangeCursor cursor;
    bool is_sound = take_sign(text, 'c');
    while (is_sound && !text.empty()) {
        std::uint32_t stream = 0;
        std::uint64_t number = 0;
        is_sound = take(text, stream) && take_sign(text, ':') && take(text, number) &&
                   (text.empty() || take_sign(text, ','));
        cursor[stream] = number;
    }
    if (is_sound) return cursor;
    return Error{ErrorCode::kReject,
                 "the cursor is none that this server gave for changes; ask again without one"};
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

// Of concerns alone, which a timer found.
bool is_of_concerns(const store::Change& change) {
    return change.old_concerns != change.new_concerns;
}

// As somebody sees it who sees `view` of the process.
Row change_row(const store::Change& change, const store::Process& process, authz::View view,
               std::string_view salt) {
    Row row = {{"changed", event::time_to_text(change.changed_us)}};
    const auto add = [&](const char* name, const std::string& word) {
        if (!word.empty()) row[name] = word;
    };
    add("old_state", change.old_state);
    add("old_vm_state", change.old_vm_state);
    Row now = list_row(process);
    now.erase("state");
    now.erase("vm_state");
    restrict_row(now, view, salt);
    row.update(now);
    add("state", change.new_state);
    add("vm_state", change.new_vm_state);
    if (is_of_concerns(change)) {
        row["old_concerns"] = words_of(change.old_concerns);
        row["concerns"] = words_of(change.new_concerns);
    }
    return row;
}

}  // namespace

Result<std::string> list_changes(const SearchContext& context, const lb::v1::ChangesRequest& ask,
                                 const OnRow& on_row) {
    const std::string me = event::identity_text(context.asker);
    LB_TRY_ASSIGN(const auto expression,
                  language::parse(ask.condition(), {process_domain().terms, context.now_us, me}));
    if (ask.cursor().empty()) {
        LB_TRY_ASSIGN(const auto newest, context.reader.newest_changes());
        return to_text(newest);
    }
    LB_TRY_ASSIGN(store::ChangeCursor cursor, read_change_cursor(ask.cursor()));
    const std::string salt = context.policy.salt();
    const std::uint32_t limit =
        ask.limit() == 0 ? kChangesRowsMax : std::min(ask.limit(), kChangesRowsMax);
    LB_TRY_ASSIGN(const auto changes, context.reader.changes_after(cursor, limit));
    for (const store::Change& change : changes) {
        cursor[change.stream] = change.number;
        LB_TRY_ASSIGN(const auto process, context.reader.get_process(change.process));
        if (!process || process->merged_into != 0 || process->type == 0) continue;
        LB_TRY_ASSIGN(const auto reading,
                      reading_of(context.reader, context.policy, context.asker, *process));
        if (!may_ask(expression, process_domain(), reading.view)) continue;
        if (is_of_concerns(change) && !may_filter_by("disagreements", reading.view)) continue;
        ProcessCandidate candidate(context.reader, *process, context.now_us);
        LB_TRY_ASSIGN(const bool is_fitting, unless_unreadable(candidate.fits(expression), false));
        if (is_fitting) on_row(change_row(change, *process, reading.view, salt));
    }
    return to_text(cursor);
}

}  // namespace lb::query
