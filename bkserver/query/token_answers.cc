// Service's answers about bearer tokens.
#include <fmt/format.h>

#include "bkserver/query/service.h"
#include "common/event/field_text.h"
#include "common/event/identity.h"
#include "common/event/process_id.h"
#include "common/event/time_text.h"

namespace lb::query {

namespace {

constexpr std::uint64_t kValidSecondsDefault = 30 * 86'400;
constexpr std::uint64_t kValidSecondsMax = 10 * 365 * 86'400ULL;
constexpr std::size_t kNoteBytesMax = 255;
constexpr std::size_t kTokenIdDigits = 16;

Row token_row(const store::Token& token) {
    Row row = {{"id", token.id}, {"process", token.name}};
    if (token.process != token.name) row["jobId"] = token.process;
    row["sources"] = authz::names_of_sources(token.sources);
    if (token.may_read) row["may_read"] = true;
    row["issued_by"] = token.issued_by;
    row["issued"] = event::time_to_text(token.issued_us);
    row["expires"] = event::time_to_text(token.expires_us);
    if (token.revoked_us != 0) row["revoked"] = event::time_to_text(token.revoked_us);
    if (!token.note.empty()) row["note"] = token.note;
    return row;
}

Result<std::uint64_t> sources_of(const lb::v1::TokenRequest& ask) {
    std::uint64_t sources = 0;
    for (const std::string& name : ask.sources()) {
        const auto source = event::source_of_name(name);
        if (!source) return Error{ErrorCode::kReject, fmt::format("'{}' is no source", name)};
        sources |= authz::bit_of(*source);
    }
    return sources == 0 ? authz::bit_of(event::Source::kVmSystem) : sources;
}

Status check(const lb::v1::TokenRequest& ask) {
    if (ask.valid_seconds() > kValidSecondsMax)
        return Error{ErrorCode::kReject, "a token may be valid for ten years at most"};
    if (ask.note().size() > kNoteBytesMax)
        return Error{ErrorCode::kReject, "the note is longer than 255 bytes"};
    return {};
}

}  // namespace

Status Service::answer_token(const Asker& asker, const lb::v1::TokenRequest& ask,
                             ReplyWriter& writer) {
    switch (ask.act()) {
        case lb::v1::TokenRequest::ACT_LIST:
            return list_tokens(asker, ask, writer);
        case lb::v1::TokenRequest::ACT_ISSUE:
            return issue_token(asker, ask, writer);
        case lb::v1::TokenRequest::ACT_REVOKE:
            return revoke_token(asker, ask, writer);
        case lb::v1::TokenRequest_Act_TokenRequest_Act_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::TokenRequest_Act_TokenRequest_Act_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return Error{ErrorCode::kUnsupported, "this server does not know that act on tokens"};
}

Status Service::issue_token(const Asker& asker, const lb::v1::TokenRequest& ask,
                            ReplyWriter& writer) {
    LB_TRY(check(ask));
    LB_TRY_ASSIGN(const auto found, reader_.find_process(ask.process()));
    store::Token token;
    token.name = found ? found->id : ask.process();
    if (const auto subject = event::parse_subject(ask.process()); subject.ok()) {
        event::Subject canonical = *subject;
        if (auto* id = std::get_if<event::ProcessId>(&canonical)) id->info.clear();
        token.name = event::to_string(canonical);
    } else if (!found) {
        return Error{ErrorCode::kReject, fmt::format("'{}' is no id or key of a process: {}",
                                                     ask.process(), subject.error().text)};
    }
    if (found) token.process = found->id;
    LB_TRY_ASSIGN(token.sources, sources_of(ask));
    const auto decision = policy_.may_issue_token(
        asker.identity,
        {.process = token.process, .registrant = found ? found->registrant : std::string_view()},
        token.sources);
    if (!decision.is_allowed) {
        administration_.audit(asker.identity, "issue a token for", token.name, decision.reason);
        return Error{ErrorCode::kDenied, decision.reason};
    }
    token.may_read = ask.may_read();
    token.issued_by = event::identity_text(asker.identity);
    token.issued_us = asker.now_us;
    const std::uint64_t seconds =
        ask.valid_seconds() == 0 ? kValidSecondsDefault : ask.valid_seconds();
    token.expires_us = asker.now_us + static_cast<std::int64_t>(seconds) * 1'000'000;
    token.note = ask.note();
    LB_TRY_ASSIGN(const std::string text, administration_.issue_token(token));
    administration_.audit(asker.identity, "issued a token for", token.name, {});
    Row row = token_row(token);
    row["token"] = text;
    writer.add_row(row);
    return {};
}

Status Service::revoke_token(const Asker& asker, const lb::v1::TokenRequest& ask,
                             ReplyWriter& writer) {
    const Error unknown{ErrorCode::kNotFound, fmt::format("there is no token '{}'", ask.id())};
    if (ask.id().size() != kTokenIdDigits) return unknown;
    LB_TRY_ASSIGN(auto token, reader_.find_token(ask.id()));
    if (!token) return unknown;
    const bool is_issuer = token->issued_by == event::identity_text(asker.identity);
    if (!is_issuer) LB_TRY(must_administer(asker));
    if (token->revoked_us == 0) {
        LB_TRY(administration_.revoke_token(*token));
        administration_.audit(asker.identity, "revoked the token", token->id, {});
        token->revoked_us = asker.now_us;
    }
    writer.add_row(token_row(*token));
    return {};
}

Status Service::list_tokens(const Asker& asker, const lb::v1::TokenRequest& ask,
                            ReplyWriter& writer) {
    const std::uint32_t limit =
        ask.limit() == 0 ? kListRowsDefault : std::min(ask.limit(), kListRowsMax);
    const bool is_admin = policy_.may_administer(asker.identity).is_allowed;
    const std::string own = event::identity_text(asker.identity);
    LB_TRY_ASSIGN(const auto tokens, reader_.list_tokens(ask.cursor(), limit));
    // Of others' tokens nobody but an administrator learns that they exist.
    for (const store::Token& token : tokens)
        if (is_admin || token.issued_by == own) writer.add_row(token_row(token));
    if (tokens.size() == limit) writer.set_cursor(tokens.back().id);
    return {};
}

}  // namespace lb::query
