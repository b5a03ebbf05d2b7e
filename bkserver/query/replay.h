// Stored events of a process, folded anew in the order of their keys: for its history and its past.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bkserver/book/fold.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"
#include "common/event/process_id.h"

namespace lb::query {

// Events that one answer looks at; beyond that it says "truncated", or refuses.
inline constexpr std::uint32_t kScannedEventsMax = 100'000;

// From where on the events of a process are looked at.
struct ScanFrom {
    std::string after{};        // order key of the last event before; empty: from the first one
    std::uint32_t count = 0;    // of the events before
    std::uint32_t page = 1000;  // events that are read at once
};

// Calls `visit` for every stored event in the order of keys until it returns false. False: there
// were more than a scan may look at, those before included.
Result<bool> scan_events(
    store::Reader& reader, store::ProcessNumber process,
    const std::function<bool(const store::Event&, const event::AcceptedEvent&)>& visit,
    ScanFrom from = {});

// Registers as they grow, event by event. Given in the order of keys, registrations come first: so
// one that changes the type finds but registrations before it.
class Replay {
  public:
    // `embryo`: the plan that made the process a child, if one did.
    Replay(std::uint32_t implied_type, std::optional<book::Embryo> embryo);
    // Goes on from the registers of one that was all there is to it (is_all_in_registers()).
    Replay(state::Registers registers, std::optional<book::Embryo> embryo);

    void apply(const event::AcceptedEvent& accepted);
    [[nodiscard]] const state::Registers& registers() const { return registers_; }
    [[nodiscard]] bool is_all_in_registers() const { return untyped_.empty(); }

  private:
    void plan();

    const std::optional<book::Embryo> embryo_;
    state::Registers registers_;
    std::vector<event::AcceptedEvent> untyped_;  // registrations that name no type
};

// Which registrations planned a process as a child. Keeps what it read of the last parent.
class Plans {
  public:
    using Counts = std::function<bool(const store::Event&, const event::AcceptedEvent&)>;

    // Only registrations for which `counts` says so.
    Plans(store::Reader& reader, Counts counts) : reader_(reader), counts_(std::move(counts)) {}

    // Of several the one that counts; nothing: none did. kFull: its parent has too many.
    Result<std::optional<book::Embryo>> plan_of(const store::Process& child);

  private:
    struct Plan {
        state::Brood brood;
        event::ProcessId parent;
        book::Embryo embryo;
        bool is_counted = false;
    };
    Status read_parent(store::ProcessNumber parent);
    void keep(Plan plan);
    [[nodiscard]] const Plan* chosen(const store::Relation& relation,
                                     const std::string& child) const;

    store::Reader& reader_;
    const Counts counts_;
    store::ProcessNumber parent_ = 0;
    std::vector<Plan> plans_;  // of that parent, by their keys
};

}  // namespace lb::query
