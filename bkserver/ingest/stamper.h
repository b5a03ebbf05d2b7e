// The server as the first daemon that accepts an event: what a client logs directly gets its
// acceptance here. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "lb/v1/envelope.pb.h"

namespace lb::ingest {

class Stamper {
  public:
    // What the policy knows of the groups of an identity. Any thread.
    using GroupsOf = std::function<std::vector<std::string>(const lb::v1::Identity&)>;

    // `host` is this server's name. The origin is made anew with each stamper, so that its counter
    // need not survive it.
    explicit Stamper(std::string host, GroupsOf groups_of = {});

    // Completes an envelope that a client of `identity` sent: an event id if it has none, the
    // acceptance. kReject when the envelope is none, or states an acceptance itself.
    Result<lb::v1::Envelope> stamp(std::string_view envelope_bytes,
                                   const lb::v1::Identity& identity);

  private:
    std::string host_;
    GroupsOf groups_of_;
    std::string origin_;
    std::string boot_id_;
    std::atomic<std::uint64_t> counter_ = 0;
};

}  // namespace lb::ingest
