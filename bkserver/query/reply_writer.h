// Packs rows into replies. A reply stays well below a frame, however many rows an answer has; the
// last one says how it ended.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/error.h"
#include "lb/v1/wire.pb.h"

namespace lb::query {

// Called for each reply, in order; the last one has no `more`.
using SendReply = std::function<void(lb::v1::Reply reply)>;

class ReplyWriter {
  public:
    ReplyWriter(std::uint64_t request, const SendReply& send) : request_(request), send_(send) {}

    void add_row(const nlohmann::ordered_json& row);
    // A line of text, for answers that are no JSON.
    void add_line(std::string line);
    void set_cursor(std::string cursor) { cursor_ = std::move(cursor); }
    [[nodiscard]] const std::string& cursor() const { return cursor_; }
    // The end of a good answer.
    void finish();
    // The end of one that failed; rows already sent stay sent.
    void fail(const Error& error);

  private:
    void flush(bool more);

    const std::uint64_t request_;
    const SendReply& send_;
    lb::v1::Reply reply_;
    std::size_t bytes_ = 0;
    std::string cursor_;
};

}  // namespace lb::query
