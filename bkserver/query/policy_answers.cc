// Service's answer to "may this identity do that?".
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bkserver/query/service.h"
#include "bkserver/state/access.h"
#include "bkserver/state/registers.h"
#include "common/event/field_text.h"
#include "common/event/identity.h"

namespace lb::query {

namespace {

using authz::View;
using lb::v1::PolicyRequest;

// What the question is about, as the policy asks for it.
struct Subject {
    std::string name;  // id, if the process is known, else as it was asked for
    std::string registrant;
    state::Access access;
};

Result<lb::v1::Identity> identity_named(std::string_view text) {
    auto identity = event::identity_of_text(text);
    if (identity) return std::move(*identity);
    return Error{ErrorCode::kReject,
                 fmt::format("'{}' is no identity; certificate:/DC=org/CN=x, /DC=org/CN=x, "
                             "uid:1000@host and token:ID are some",
                             text)};
}

Row row_of(bool is_allowed, const std::string& reason, const std::string& place) {
    Row row = {{"allowed", is_allowed}, {"reason", reason}};
    if (!place.empty()) row["place"] = place;
    return row;
}

Row row_of(const book::Decision& decision) {
    return row_of(decision.is_allowed, decision.reason, decision.place);
}

Result<Row> decide_logging(const authz::Policy& policy, const PolicyRequest& ask,
                           const lb::v1::Identity& who, const Subject& subject,
                           std::uint16_t type) {
    event::Event event;
    event.type = type;
    event.host = ask.host();
    const auto source = ask.source().empty() ? std::optional(event::Source::kUserInterface)
                                             : event::source_of_name(ask.source());
    if (!source)
        return Error{ErrorCode::kReject,
                     fmt::format("'{}' is no source; the sources are {}", ask.source(),
                                 fmt::join(event::source_names().subspan(1), ", "))};
    event.source = *source;
    lb::v1::Identity forwarder = who;
    if (!ask.forwarder().empty()) {
        LB_TRY_ASSIGN(forwarder, identity_named(ask.forwarder()));
    }
    return row_of(policy.may_log({forwarder, who, ask.host(), subject.name, event,
                                  subject.registrant, subject.name, &subject.access}));
}

Result<Row> decide(const authz::Policy& policy, const PolicyRequest& ask,
                   const lb::v1::Identity& who, const Subject& subject) {
    if (ask.action() == "read") {
        const authz::Reading reading = policy.may_read(
            who,
            {.process = subject.name, .registrant = subject.registrant, .access = &subject.access});
        Row row = row_of(reading.view != View::kNone, reading.reason, reading.place);
        row["view"] = authz::to_string(reading.view);
        return row;
    }
    if (const event::TypeInfo* const type = event::find_type(ask.action()); type != nullptr)
        return decide_logging(policy, ask, who, subject, type->code);
    if (const auto role = authz::role_of(ask.action()))
        return row_of(policy.may(*role, who, subject.name, ask.host()));
    return Error{ErrorCode::kReject,
                 fmt::format("'{}' is no action; actions are read, a type of event (UserTag, "
                             "ChangeACL, VMStop, ...), a role (reader, admin, ...) and what the "
                             "original calls one (READ_ALL, ...)",
                             ask.action())};
}

}  // namespace

Status Service::answer_policy(const Asker& asker, const PolicyRequest& ask, ReplyWriter& writer) {
    LB_TRY_ASSIGN(const lb::v1::Identity who, identity_named(ask.identity()));
    // What one may do oneself is no secret; what others may, and what a process says of others, is.
    const std::string identity = event::identity_text(who);
    if (identity != event::identity_text(asker.identity)) LB_TRY(must_administer(asker));
    Subject subject{.name = ask.process(), .registrant = {}, .access = {}};
    if (!ask.process().empty()) {
        LB_TRY_ASSIGN(const auto process, reader_.find_process(ask.process()));
        if (process) {
            subject.name = process->id;
            subject.registrant = process->registrant;
            if (process->has_access_list) {
                LB_TRY_ASSIGN(const auto registers, state::Registers::decode(process->registers));
                subject.access = state::access_of(registers);
            }
        }
    }
    LB_TRY_ASSIGN(const Row decision, decide(policy_, ask, who, subject));
    Row row = {{"identity", identity}, {"action", ask.action()}};
    if (!subject.name.empty()) row["process"] = subject.name;
    row.update(decision);
    writer.add_row(row);
    return {};
}

}  // namespace lb::query
