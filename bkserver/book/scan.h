// Reading all stored events of a process, for folding it from the start.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "bkserver/book/fold.h"
#include "bkserver/book/intake.h"
#include "bkserver/store/store.h"

namespace lb::book {

// Hands over all stored events of a subject, page by page: a long history is never in memory at
// once.
Status visit_events(store::Writer& writer, store::SubjectNumber subject,
                    const std::function<Status(store::Event& event)>& visit);

struct Folded {
    std::uint64_t events = 0;
    std::uint32_t waiting = 0;  // for a type
};
// All stored events of these subjects into fresh registers, and the `pending` ones, which are not
// stored yet. `embryo` may be nullptr.
Result<Folded> fold_stored(store::Writer& writer, std::span<const store::Subject> subjects,
                           std::span<const Candidate* const> pending, const Embryo* embryo,
                           state::Registers& registers);

// The plan that made this process a child, as stored; of several the one that counts.
Result<std::optional<Embryo>> read_embryo(store::Writer& writer, store::ProcessNumber child,
                                          const std::string& service);

}  // namespace lb::book
