// Children of a parent as they stand: what its status is counted from. A parent among them whose
// own children have news that nobody has settled yet is counted here, in passing, so that a reader
// never sees less than what is committed.
#pragma once

#include <set>
#include <vector>

#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"

namespace lb::query {

class Counting {
  public:
    explicit Counting(store::Reader& reader) : reader_(reader) {}

    // Nothing for types without children.
    Result<std::vector<state::Child>> children_of(const store::Process& parent);

  private:
    Result<std::vector<state::Child>> count(store::ProcessNumber parent);
    Status refresh(state::Child& child, store::ProcessNumber number);
    Status name_failed(const std::vector<store::Relation>& relations,
                       std::vector<state::Child>& children);

    store::Reader& reader_;
    bool has_news_ = false;
    std::set<store::ProcessNumber> above_;  // whose children are being read
};

}  // namespace lb::query
