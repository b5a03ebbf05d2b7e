// What administrators may ask for beside reading: done by others (the book, the composition root),
// behind this interface so that queries know neither.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::query {

struct RebuildQuestion {
    std::string process;     // empty: all of `type`
    std::uint16_t type = 0;  // 0: any
    bool compare_only = false;
    std::uint32_t after = 0;  // number of the process to go on after
};

class Administration {
  public:
    virtual ~Administration() = default;

    // {"number", "verdict", "reason"}: what became of the dead letter this time.
    virtual Result<nlohmann::ordered_json> replay_dead_letter(std::uint64_t number) = 0;
    virtual Status drop_dead_letter(std::uint64_t number) = 0;
    // One row a process: {"process", "events", "different", "written", "difference"}. Ends after a
    // short while: returns the number to go on after, 0 when there are no more.
    virtual Result<std::uint32_t> rebuild(
        const RebuildQuestion& question,
        const std::function<void(const nlohmann::ordered_json&)>& on_row) = 0;

    // Stores it, with an id and a secret; the text that its bearer shows is returned and not kept.
    // `process` is completed when it is empty.
    virtual Result<std::string> issue_token(store::Token& token) = 0;
    // At once on this server, within seconds on others.
    virtual Status revoke_token(store::Token token) = 0;

    // Writes down what was denied (`reason` says why) or, for acts of administrators, done
    // (`reason` is empty).
    virtual void audit(const lb::v1::Identity& who, std::string_view act, std::string_view what,
                       std::string_view reason) = 0;

    // How long the answer to a query took; what is slow is written down.
    virtual void note_query(const lb::v1::Identity& who, std::string_view query,
                            std::chrono::milliseconds took) = 0;

    virtual nlohmann::ordered_json version() = 0;
    virtual nlohmann::ordered_json health() = 0;
    virtual std::string metrics() = 0;
    // One row a connected forwarder.
    virtual nlohmann::ordered_json forwarders() = 0;
};

}  // namespace lb::query
