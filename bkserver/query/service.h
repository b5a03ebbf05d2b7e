// Answers what clients ask (proto/lb/v1/query.proto) from the store. Every answer is checked
// against the policy: who may not read a process learns nothing of it but that it may not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bkserver/authz/policy.h"
#include "bkserver/query/administration.h"
#include "bkserver/query/cursor_seal.h"
#include "bkserver/query/finder.h"
#include "bkserver/query/forms.h"
#include "bkserver/query/memory.h"
#include "bkserver/query/past.h"
#include "bkserver/query/reply_writer.h"
#include "bkserver/store/store.h"
#include "lb/v1/wire.pb.h"

namespace lb::query {

// Named in one status request.
inline constexpr int kStatusProcessesMax = 1000;
// Of these so many are read together.
inline constexpr int kReadAheadMax = 64;
// Children and members that the status of their parent names.
inline constexpr std::size_t kChildrenShownMax = 1000;
inline constexpr std::uint32_t kListRowsDefault = 100;
inline constexpr std::uint32_t kListRowsMax = 1000;
inline constexpr std::uint32_t kHistoryEventsDefault = 500;
inline constexpr std::uint32_t kHistoryEventsMax = 2000;
inline constexpr std::uint32_t kDumpEventsDefault = 1000;
inline constexpr std::uint32_t kDumpEventsMax = 5000;

struct Asker {
    lb::v1::Identity identity;  // proven by TLS or the kernel
    std::int64_t now_us = 0;    // server's clock when the request came
};

// One thread at a time; as many services as there are threads.
class Service {
  public:
    // All outlive the service.
    Service(store::Reader& reader, const authz::Policy& policy, Administration& administration,
            Memory& memory)
        : reader_(reader),
          policy_(policy),
          administration_(administration),
          memory_(memory),
          finder_(reader, memory.processes) {}

    // Calls `send` at least once, the last time without `more`.
    void answer(const Asker& asker, const lb::v1::Request& request, const SendReply& send);

    // One status, as a page shows it; `as_of`: as it was then.
    Result<Row> status_of(const Asker& asker, std::string_view name, const AsOf& as_of = {});

    // Before statuses of these processes are asked for, each once: they are read together. What of
    // it is not asked for counts until it is called again.
    void read_ahead(std::span<const std::string> names) { finder_.read_ahead(names); }

  private:
    // Opens the cursor that a question came with, and seals the one that it is answered with.
    Status answer_page(const Asker& asker, const lb::v1::Request& request, ReplyWriter& writer);
    Result<const CursorSeal*> seal();
    Status dispatch(const Asker& asker, const lb::v1::Request& request, ReplyWriter& writer);
    Status answer_status(const Asker& asker, const lb::v1::StatusRequest& ask, ReplyWriter& writer);
    Status answer_why(const Asker& asker, const lb::v1::WhyRequest& ask, ReplyWriter& writer);
    Status answer_history(const Asker& asker, const lb::v1::HistoryRequest& ask,
                          ReplyWriter& writer);
    Status answer_list(const Asker& asker, const lb::v1::ListRequest& ask, ReplyWriter& writer);
    Status answer_query(const Asker& asker, const lb::v1::QueryRequest& ask, ReplyWriter& writer);
    Status find(const Asker& asker, const lb::v1::QueryRequest& ask, ReplyWriter& writer);
    Status answer_changes(const Asker& asker, const lb::v1::ChangesRequest& ask,
                          ReplyWriter& writer);
    Status answer_index(const Asker& asker, const lb::v1::IndexRequest& ask, ReplyWriter& writer);
    Status answer_dead(const lb::v1::DeadLetterRequest& ask, ReplyWriter& writer);
    Status list_dead(const lb::v1::DeadLetterRequest& ask, ReplyWriter& writer);
    Status answer_rebuild(const lb::v1::RebuildRequest& ask, ReplyWriter& writer);
    Status answer_dump(const Asker& asker, const lb::v1::DumpRequest& ask, ReplyWriter& writer);
    Status answer_token(const Asker& asker, const lb::v1::TokenRequest& ask, ReplyWriter& writer);
    Status issue_token(const Asker& asker, const lb::v1::TokenRequest& ask, ReplyWriter& writer);
    Status revoke_token(const Asker& asker, const lb::v1::TokenRequest& ask, ReplyWriter& writer);
    Status list_tokens(const Asker& asker, const lb::v1::TokenRequest& ask, ReplyWriter& writer);
    Status answer_policy(const Asker& asker, const lb::v1::PolicyRequest& ask, ReplyWriter& writer);
    Status answer_server(const Asker& asker, const lb::v1::ServerRequest& ask, ReplyWriter& writer);

    void read_ahead(const lb::v1::StatusRequest& ask, int first);
    Status show_children(const store::Process& process, std::size_t count, Row& row);
    using HasEnded = std::function<Result<bool>(const store::Process& process)>;
    Status settle_connections(Row& row, const HasEnded& has_ended);
    Status add_extras(const Asker& asker, const lb::v1::StatusRequest& ask, Row& row);
    Status add_children_states(const Asker& asker, Row& row);
    Status add_history(const Asker& asker, Row& row);
    Result<Row> past_status_of(const store::Process& process, const AsOf& as_of);

    struct Readable : FoundProcess {
        authz::View view = authz::View::kNone;
    };
    Result<state::View> view_of(const Readable& readable, const state::Registers& registers,
                                std::int64_t now_us);
    // A process that is registered or adopted and of which the asker may see something.
    Result<Readable> readable_process(const Asker& asker, std::string_view name);
    // The same, of which it may see everything: history and reasons have no reduced form.
    Result<Readable> wholly_readable_process(const Asker& asker, std::string_view name);
    Status must_administer(const Asker& asker) const;

    store::Reader& reader_;
    const authz::Policy& policy_;
    Administration& administration_;
    Memory& memory_;
    Finder finder_;
    std::optional<CursorSeal> seal_;  // once it was needed
};

}  // namespace lb::query
