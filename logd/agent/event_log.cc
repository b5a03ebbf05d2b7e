#include "logd/agent/event_log.h"

#include <condition_variable>
#include <mutex>

#include "logd/agent/messages.h"

namespace lb::agent {

namespace {

constexpr std::chrono::milliseconds kLoggerPause{1'000};  // before an event is offered again

std::string_view type_name(const event::Event& event) {
    const event::TypeInfo* type = event::find_type(event.type);
    return type == nullptr ? std::string_view() : type->name;
}

}  // namespace

bool may_help(ErrorCode code) {
    return code == ErrorCode::kRetry || code == ErrorCode::kTimeout || code == ErrorCode::kFull ||
           code == ErrorCode::kNotFound;
}

bool pause(const std::stop_token& stop, std::chrono::milliseconds time) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, time, [] { return false; });
    return stop.stop_requested();
}

EventLog::EventLog(Sink sink, const std::string& prefix, metrics::Registry& registry)
    : sink_(std::move(sink)),
      logged_(registry.counter(prefix + "_events_logged_total", "events logged")),
      refused_(registry.counter(prefix + "_events_refused_total", "events refused")),
      lost_(registry.counter(prefix + "_events_lost_total", "events lost")) {}

void EventLog::log(const std::stop_token& stop, std::string_view subject, const event::Event& event,
                   std::string_view event_id) {
    for (;;) {
        const Status status = sink_(subject, event, event_id);
        if (status.ok()) return logged_.add();
        if (!may_help(status.error().code)) {
            refused_.add();
            return log::write(kRefused, type_name(event), subject, status.error().text);
        }
        log::write(kLoggerAway, type_name(event), subject, status.error().text);
        if (!pause(stop, kLoggerPause)) continue;
        lost_.add();
        return log::write(kLost, type_name(event), subject, status.error().text);
    }
}

bool EventLog::log_once(std::string_view subject, const event::Event& event) {
    if (!sink_(subject, event, {}).ok()) return false;
    logged_.add();
    return true;
}

}  // namespace lb::agent
