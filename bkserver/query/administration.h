// What administrators may ask for beside reading: done by others (the book, the composition root),
// behind this interface so that queries know neither.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/result.h"

namespace lb::query {

class Administration {
  public:
    virtual ~Administration() = default;

    // {"number", "verdict", "reason"}: what became of the dead letter this time.
    virtual Result<nlohmann::ordered_json> replay_dead_letter(std::uint64_t number) = 0;
    virtual Status drop_dead_letter(std::uint64_t number) = 0;
    // One row a process: {"process", "events", "different", "written", "difference"}; all processes
    // when `process` is empty.
    virtual Status rebuild(const std::string& process, bool compare_only,
                           const std::function<void(const nlohmann::ordered_json&)>& on_row) = 0;

    virtual nlohmann::ordered_json version() = 0;
    virtual nlohmann::ordered_json health() = 0;
    virtual std::string metrics() = 0;
    // One row a connected forwarder.
    virtual nlohmann::ordered_json forwarders() = 0;
};

}  // namespace lb::query
