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

Result<std::optional<Embryo>> read_embryo(store::Writer& writer, store::ProcessNumber child,
                                          const std::string& service) {
    std::vector<store::ArrivalNumber> arrivals;
    LB_TRY_ASSIGN(const auto relations, writer.parents_of(child));
    for (const store::Relation& relation : relations)
        if (relation.registration != 0) arrivals.push_back(relation.registration);
    std::optional<Embryo> chosen;
    if (arrivals.empty()) return chosen;
    LB_TRY_ASSIGN(const auto stored, writer.find_arrivals(arrivals));
    for (const store::Event& event : stored) {
        LB_TRY_ASSIGN(event::AcceptedEvent opened,
                      event::open_accepted(event.envelope, event.forwarder, event.arrived_us));
        const auto subject = event::parse_subject(opened.envelope.subject());
        const auto parent = subject.ok() ? planning_id(*subject, service) : std::nullopt;
        if (!parent) return Error{ErrorCode::kCorrupt, "a plan of children has no subject"};
        event::ProcessId id = *parent;
        id.info.clear();
        Embryo embryo{std::move(opened), event.arrival, id.to_string()};
        if (!chosen || embryo.key() < chosen->key()) chosen = std::move(embryo);
    }
    return chosen;
}

}  // namespace lb::book
