// Events as daemons bring them to a server: envelopes with their acceptance.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bkserver/book/book.h"
#include "common/event/event.h"

namespace lb::test {

// 2026-11-24 12:00:00 UTC in microseconds.
inline constexpr std::int64_t kNoon = 1'795'521'600'000'000;

// Builds one event that uid 0 of node1 logged there and that node1's certificate delivered.
class EventBuilder {
  public:
    EventBuilder(event::EventType type, event::Source source, std::string subject);

    // Seconds after kNoon, by the producer's clock; accepted 1 ms later.
    EventBuilder& at(double seconds);
    EventBuilder& field(std::string_view name, std::string text);
    EventBuilder& uid(std::uint32_t uid);
    // The original's bit mask: 64 is an exclusive registration.
    EventBuilder& priority(std::uint32_t mask);
    // A look: what was found, not what happened.
    EventBuilder& resync();
    // Where it was logged and whose certificate delivers it.
    EventBuilder& host(std::string name);
    EventBuilder& id(std::string_view seed);
    EventBuilder& counter(std::uint64_t value);

    [[nodiscard]] lb::v1::Envelope envelope() const;
    [[nodiscard]] book::Arrived arrived() const;

  private:
    event::Event event_;
    std::string subject_;
    std::string host_ = "node1.example.org";
    std::string id_;
    std::uint32_t uid_ = 0;
    std::uint64_t counter_ = 1;
};

}  // namespace lb::test
