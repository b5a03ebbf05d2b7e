// Cursors as they leave the server: sealed, so that nobody reads in them how many processes, events
// and changes there are that he may not see, and nobody makes one himself. Each is good for the
// kind of question that it was given for, on every server of the database, also after a restart.
// Whoever comes with somebody else's sees what he may see himself: it is a place, not a right.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"
#include "lb/v1/wire.pb.h"

namespace lb::query {

// Thread-safe.
class CursorSeal {
  public:
    using Question = lb::v1::Request::QuestionCase;

    // `secret`: the database's (store::Reader::secret()).
    explicit CursorSeal(std::string secret) : secret_(std::move(secret)) {}

    // Nothing of nothing: the end of a list. Another text each time, of a length that tells nothing
    // of the numbers in it.
    [[nodiscard]] std::string seal(std::string_view cursor, Question question) const;
    // kReject when it is none that seal() made for that kind of question.
    [[nodiscard]] Result<std::string> open(std::string_view sealed, Question question) const;

  private:
    const std::string secret_;
};

}  // namespace lb::query
