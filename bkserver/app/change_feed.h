// Changes of state as server-sent events: one thread looks for what changed, by any server, and
// gives each stream what its reader may see. A stream holds nothing but a cursor here; a client
// that takes too little is dropped, and comes back with the id of the last event that it got.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bkserver/app/answer_pool.h"
#include "bkserver/app/http_call.h"
#include "bkserver/query/cursor_seal.h"
#include "common/metrics/metrics.h"

namespace lb::bkserver {

inline constexpr std::size_t kStreamsMax = 256;
inline constexpr std::size_t kStreamsPerIdentityMax = 32;

class ChangeFeed {
  public:
    // All outlive the feed. Streams are at most kStreamsMax and half of `connections_max`, so that
    // they never keep out who has a short question.
    static Result<std::unique_ptr<ChangeFeed>> start(store::Database& database,
                                                     const authz::Policy& policy,
                                                     std::size_t connections_max);
    // Ends all streams.
    ~ChangeFeed();
    ChangeFeed(const ChangeFeed&) = delete;
    ChangeFeed& operator=(const ChangeFeed&) = delete;

    // Any thread. Answers the call: by a stream of what changes behind the cursor that it gives
    // (the header Last-Event-ID, else the parameter cursor), or from now on; or by a problem.
    void follow(const HttpCall& call, const lb::v1::Identity& reader, AnswerTools tools);

    // What changed behind a cursor, as far as somebody may see it.
    struct Changes {
        Status status;
        std::vector<std::string> rows;
        std::string cursor;
    };

  private:
    struct Follower {
        std::shared_ptr<HttpStream> stream;
        lb::v1::Identity reader;
        std::string condition;
        std::string cursor;
        std::int64_t sent_us = 0;  // last bytes
    };

    ChangeFeed(const authz::Policy& policy, std::unique_ptr<store::Reader> reader,
               std::string secret);
    // False when there is no room for one more of this identity.
    bool reserve(const std::string& identity);
    void release(const std::string& identity);
    // Of a request; empty: from now on.
    [[nodiscard]] Result<std::string> cursor_of(const web::HttpRequest& request) const;
    [[nodiscard]] std::string id_of(const std::string& cursor) const;
    [[nodiscard]] std::string to_events(const Changes& changes) const;
    [[nodiscard]] std::string place(const std::string& cursor) const;
    void run();
    // Those whose streams have ended, and those whom a defect ends, are gone afterwards.
    void serve_all(std::vector<Follower>& followers);
    // False when the stream has ended.
    bool serve(Follower& follower, const std::string& newest);

    const authz::Policy& policy_;
    std::size_t streams_max_ = kStreamsMax;
    std::unique_ptr<store::Reader> reader_;
    const query::CursorSeal seal_;
    metrics::Gauge& streams_;
    std::mutex mutex_;  // of the four below
    std::condition_variable wake_;
    bool is_stopping_ = false;
    std::vector<Follower> arrived_;
    std::vector<std::string> identities_;  // one a stream
    std::thread thread_;
};

}  // namespace lb::bkserver
