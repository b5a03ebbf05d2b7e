// How an agent logs: it offers an event until the logger takes or refuses it. The invariant: while
// the agent runs nothing is lost and nothing overtakes.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/event/event.h"
#include "common/metrics/metrics.h"

namespace lb::agent {

// Logs an event for a subject (id or key) under an id of 16 bytes, or a new one if that is empty;
// the error's code says whether trying again may help.
using Sink = std::function<Status(std::string_view subject, const event::Event& event,
                                  std::string_view event_id)>;

// Whether offering the event again may help.
bool may_help(ErrorCode code);

// True when the stop was asked for before the time was over.
bool pause(const std::stop_token& stop, std::chrono::milliseconds time);

// One thread at a time; the counts from any.
class EventLog {
  public:
    // `prefix` of its metrics: "lb_agent_libvirt".
    EventLog(Sink sink, const std::string& prefix, metrics::Registry& registry);

    // Returns when the event is logged or refused, or when `stop` is asked for: then it is lost.
    void log(const std::stop_token& stop, std::string_view subject, const event::Event& event,
             std::string_view event_id = {});
    // One try, for what the next event will say again.
    bool log_once(std::string_view subject, const event::Event& event);

    [[nodiscard]] std::uint64_t logged() const { return logged_.value(); }
    [[nodiscard]] std::uint64_t failed() const { return refused_.value() + lost_.value(); }
    // Events that the agent itself lost before they came here.
    void count_lost(std::uint64_t count) { lost_.add(count); }

  private:
    const Sink sink_;
    metrics::Counter& logged_;
    metrics::Counter& refused_;
    metrics::Counter& lost_;
};

}  // namespace lb::agent
