#include "bkserver/book/scan.h"

#include <vector>

namespace lb::book {

namespace {

constexpr std::uint32_t kPageEvents = 1000;

}  // namespace

Status visit_events(store::Writer& writer, store::SubjectNumber subject,
                    const std::function<Status(store::Event& event)>& visit) {
    store::Position after;
    for (;;) {
        LB_TRY_ASSIGN(store::EventPage page, writer.read_events(subject, after, kPageEvents));
        for (store::Event& event : page.events) LB_TRY(visit(event));
        if (!page.next) return {};
        after = *page.next;
    }
}

Result<Folded> fold_stored(store::Writer& writer, std::span<const store::Subject> subjects,
                           std::span<const Candidate* const> pending, const Embryo* embryo,
                           state::Registers& registers) {
    Folding folding(registers, embryo);
    Folded folded;
    bool is_whole = false;
    const auto add = [&](const event::AcceptedEvent& event) {
        ++folded.events;
        if (!folding.add(event)) is_whole = folded.events == 1;
    };
    const auto add_stored = [&](store::Event& event) -> Status {
        LB_TRY_ASSIGN(const event::AcceptedEvent opened,
                      event::open_accepted(event.envelope, event.forwarder, event.arrived_us));
        add(opened);
        return {};
    };
    // Again when a registration told the type after other events; those behind it are folded twice
    // then, which changes nothing.
    while (!is_whole) {
        is_whole = true;
        folded.events = 0;
        for (const store::Subject& subject : subjects)
            LB_TRY(visit_events(writer, subject.number, add_stored));
        for (const Candidate* candidate : pending) add(candidate->accepted);
    }
    folded.waiting = folding.waiting();
    return folded;
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
