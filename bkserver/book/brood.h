// The children that a registration plans (legacy-lb 9.4): each has its id, its parent and the state
// Submitted from the moment at which the registration is committed. Those that nobody heard of yet
// are written in bulk, a portion at a time; those that exist get the claim beside what they have.
#pragma once

#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bkserver/book/fold.h"
#include "bkserver/book/policy.h"
#include "bkserver/book/working_set.h"

namespace lb::book {

// Keys of the registrations that planned children in this transaction and are not stored yet.
using PlanKeys = std::map<store::ArrivalNumber, std::string>;

class BroodPlanner {
  public:
    BroodPlanner(store::Writer& writer, const Policy& policy, WorkingSet& working, PlanKeys& keys,
                 std::int64_t now_us)
        : writer_(writer), policy_(policy), working_(working), keys_(keys), now_us_(now_us) {}

    // `embryo`: the registration, its arrival and the id of the process that it registers.
    Status plan(const state::Brood& brood, const Embryo& embryo, const event::ProcessId& parent_id,
                const store::Process& parent);

  private:
    Status plan_portion(std::span<const std::string> ids);
    Status claim(Entry& entry, store::ArrivalNumber planned_by);
    Result<bool> is_earlier(store::ArrivalNumber registration);
    Result<const std::unordered_map<store::ProcessNumber, store::ArrivalNumber>*> planned();
    Status create(std::span<const std::string> ids);

    store::Writer& writer_;
    const Policy& policy_;
    WorkingSet& working_;
    PlanKeys& keys_;
    const std::int64_t now_us_;
    const Embryo* embryo_ = nullptr;
    const store::Process* parent_ = nullptr;
    store::Process model_;  // of a new child, but for its number and id
    std::optional<std::unordered_map<store::ProcessNumber, store::ArrivalNumber>> planned_;
};

}  // namespace lb::book
