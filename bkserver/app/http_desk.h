// What is done with an HTTP request: who asks is found out, then events go to the lanes, questions
// to the query service. Nothing here knows sockets.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bkserver/app/answer_pool.h"
#include "bkserver/app/change_feed.h"
#include "bkserver/app/http_call.h"
#include "bkserver/authz/policy.h"
#include "bkserver/ingest/lanes.h"
#include "bkserver/ingest/stamper.h"
#include "bkserver/web/forms.h"
#include "common/metrics/metrics.h"

namespace lb::bkserver {

// All outlive the desk.
struct HttpRooms {
    ingest::Lanes& lanes;
    ingest::Stamper& stamper;
    const authz::Policy& policy;
    authz::TokenBook& tokens;
    query::Administration& administration;
    ChangeFeed& changes;
    std::string service;             // host:port of the ids kept here
    std::function<bool()> is_ready;  // quick; any thread
};

class HttpDesk {
  public:
    explicit HttpDesk(HttpRooms rooms);

    // Called in the connection's thread with the head of a request alone: what cannot be answered
    // well is refused before its body is read. Quick.
    [[nodiscard]] std::optional<web::HttpAnswer> refuse_early(const HttpCall& call) const;
    // By a thread of the pool; replies by the call, now or later.
    void answer(const HttpCall& call, AnswerTools tools);

  private:
    struct Bearer {
        lb::v1::Identity identity;
        std::optional<store::Token> token;
    };

    Result<Bearer> authenticate(const HttpCall& call, AnswerTools tools) const;
    [[nodiscard]] web::Asked asked_by(const HttpCall& call) const;
    web::HttpAnswer answer_public(const HttpCall& call);
    void answer_known(const HttpCall& call, const Bearer& bearer, AnswerTools tools);
    web::HttpAnswer answer_question(const HttpCall& call, const lb::v1::Identity& asker,
                                    AnswerTools tools);
    web::HttpAnswer answer_process(const HttpCall& call, const query::Asker& asker,
                                   AnswerTools tools);
    web::HttpAnswer answer_list(const HttpCall& call, const query::Asker& asker, AnswerTools tools);
    web::HttpAnswer answer_relations(const HttpCall& call, const query::Asker& asker,
                                     AnswerTools tools);
    web::HttpAnswer answer_counts(const HttpCall& call, const query::Asker& asker,
                                  AnswerTools tools);
    web::HttpAnswer answer_metrics(const lb::v1::Identity& asker);

    const HttpRooms rooms_;
    metrics::Counter& unknown_;
};

}  // namespace lb::bkserver
