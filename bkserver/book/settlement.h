// One attempt to settle a batch: everything inside one transaction. Whoever is told kConflict or
// kRetry makes another Settlement of the same candidates.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "bkserver/book/brood.h"
#include "bkserver/book/working_set.h"

namespace lb::book {

class Settlement {
  public:
    // All outlive the settlement. Candidates that take_in() settled stay as they are.
    Settlement(store::Writer& writer, const Policy& policy, const BookOptions& options,
               Caches& caches)
        : writer_(writer),
          policy_(policy),
          options_(options),
          working_(writer, caches, options.service) {}

    // When it returns ok every candidate is settled and all of it is committed.
    Status run(std::span<Candidate> candidates, std::int64_t now_us);

    [[nodiscard]] std::uint64_t change_count() const { return working_.change_count(); }

  private:
    Status load(std::span<Candidate> candidates);
    Status settle_known(std::span<Candidate> candidates);
    Status decide(Candidate& candidate);
    bool settle_twin(Candidate& candidate);
    Result<bool> is_allowed(Candidate& candidate, const Entry* entry);
    Result<Entry*> owner_of(Candidate& candidate);
    Result<Entry*> found_process(Candidate& candidate, Entry* entry);
    Status refuse_child(Candidate& candidate, const Entry* entry);
    Status refuse_unfit(Candidate& candidate, const Entry* entry);
    void refuse_registration(Candidate& candidate, const Entry* entry);
    Status refuse_binding(Candidate& candidate, const Entry* entry);
    static void take_registration(const Candidate& candidate, Entry& entry);
    Status take_binding(const Candidate& candidate, Entry& entry);
    void take_heartbeat(Candidate& candidate, Entry& entry);
    Status store_event(Candidate& candidate, Entry& entry);
    Status plan_children(const Candidate& candidate, const Entry& entry);
    Status mirror(const Candidate& candidate, const Entry& entry);
    Status write(std::span<Candidate> candidates, std::int64_t now_us);
    Status write_events(std::span<Candidate> candidates);
    [[nodiscard]] store::Event event_of(const Candidate& candidate);

    store::Writer& writer_;
    const Policy& policy_;
    const BookOptions& options_;
    WorkingSet working_;
    std::unordered_map<std::string, const Candidate*> first_of_id_;
    // Events of the server's own: the other ends of relations, as if they had arrived.
    std::deque<Arrived> mirrored_;
    std::deque<Candidate> mirrors_;
    std::vector<store::Heartbeat> heartbeats_;
    PlanKeys plan_keys_;
    std::int64_t now_us_ = 0;
};

// Two envelopes of one event id: the same event, if subject and event bytes are equal; of a derived
// id (event_id.h), whose reporters may have written it differently, if subject and type are.
bool is_same_event(const lb::v1::Envelope& one, const lb::v1::Envelope& other);

}  // namespace lb::book
