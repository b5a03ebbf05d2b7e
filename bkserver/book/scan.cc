#include "bkserver/book/scan.h"

namespace lb::book {

namespace {

constexpr std::uint32_t kPageEvents = 1000;

}  // namespace

Status read_all_events(store::Writer& writer, store::SubjectNumber subject,
                       std::vector<store::Event>& events) {
    store::Position after;
    for (;;) {
        LB_TRY_ASSIGN(store::EventPage page, writer.read_events(subject, after, kPageEvents));
        for (store::Event& event : page.events) events.push_back(std::move(event));
        if (!page.next) return {};
        after = *page.next;
    }
}

Result<std::vector<event::AcceptedEvent>> open_all_events(
    store::Writer& writer, std::span<const store::Subject> subjects) {
    std::vector<store::Event> stored;
    for (const store::Subject& subject : subjects)
        LB_TRY(read_all_events(writer, subject.number, stored));
    std::vector<event::AcceptedEvent> events;
    for (const store::Event& event : stored) {
        LB_TRY_ASSIGN(event::AcceptedEvent opened,
                      event::open_accepted(event.envelope, event.forwarder, event.arrived_us));
        events.push_back(std::move(opened));
    }
    return events;
}

}  // namespace lb::book
