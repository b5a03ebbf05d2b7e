// Events that came in one HTTP request: parsed, stamped, handed to the lanes, answered when all of
// them are settled.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bkserver/app/http_call.h"
#include "bkserver/ingest/lanes.h"
#include "bkserver/ingest/stamper.h"
#include "bkserver/store/store.h"

namespace lb::bkserver {

class HttpIngest : public ingest::Receiver, public std::enable_shared_from_this<HttpIngest> {
  public:
    // Takes the request's events from `identity`; `token` is its scope, if it is one. Replies by
    // `call`, later.
    static void take(const HttpCall& call, const lb::v1::Identity& identity,
                     const std::optional<store::Token>& token, ingest::Lanes& lanes,
                     ingest::Stamper& stamper);

    void on_settled(std::span<const ingest::Outcome> outcomes) override;

  private:
    struct Entry {
        std::string event_id;  // 16 bytes; empty: not even an event
        book::Settled settled;
    };

    explicit HttpIngest(std::function<void(web::HttpAnswer)> reply) : reply_(std::move(reply)) {}
    [[nodiscard]] web::HttpAnswer answer() const;  // under mutex_

    const std::function<void(web::HttpAnswer)> reply_;
    std::mutex mutex_;  // guards all below
    std::vector<Entry> entries_;
    std::size_t open_ = 0;  // not settled yet
};

}  // namespace lb::bkserver
