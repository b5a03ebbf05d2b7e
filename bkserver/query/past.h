// Statuses as they were: folded from the events up to a moment; those of parents counted from their
// children, folded likewise. What depends on now (view.h of the state) is not known of the past.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bkserver/query/replay.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"

namespace lb::query {

// Children and members, also those below them, that one answer about the past folds.
inline constexpr std::size_t kPastChildrenMax = 1000;

// Up to when events count. 0: all.
struct AsOf {
    std::int64_t at_us = 0;        // by the time that counts for their order
    std::int64_t known_at_us = 0;  // by when they reached this server

    [[nodiscard]] bool is_now() const { return at_us == 0 && known_at_us == 0; }
};

struct PastStatus {
    state::ProcessStatus status;
    std::vector<std::string> children;  // ids of what it was counted from
};

// One answer: bounds hold over all that is asked of it.
class Past {
  public:
    Past(store::Reader& reader, const AsOf& as_of);

    // kNotFound: nothing was known of it then, or nobody had registered it; kFull: more events or
    // children than an answer folds. A child that another parent claimed since is not counted.
    Result<PastStatus> status_of(const store::Process& process);

  private:
    [[nodiscard]] bool counts(const store::Event& stored, const event::AcceptedEvent& opened) const;
    [[nodiscard]] Error too_much() const;
    // Without a type: nobody had registered it then, or nothing was known of it.
    Result<state::Registers> fold(const store::Process& process);
    Result<std::vector<state::Child>> children_of(const store::Process& parent,
                                                  const state::Registers& registers);
    Result<std::optional<state::Child>> child(store::ProcessNumber number,
                                              const std::set<std::string>& parent_names);
    Result<std::set<std::string>> names_of(store::ProcessNumber process);
    Status add_departed(const std::set<std::string>& cluster_names,
                        std::set<store::ProcessNumber>& members);

    store::Reader& reader_;
    const AsOf as_of_;
    Plans plans_;
    const store::Process* asked_for_ = nullptr;
    std::uint32_t events_left_ = kScannedEventsMax;
    std::size_t children_left_ = kPastChildrenMax;
    std::set<store::ProcessNumber> above_;  // whose children are being folded
};

}  // namespace lb::query
