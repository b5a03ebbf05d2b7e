// Reading all stored events of a process, for folding it from the start.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bkserver/book/fold.h"
#include "bkserver/book/intake.h"
#include "bkserver/store/store.h"

namespace lb::book {

// Appends all stored events of a subject.
Status read_all_events(store::Writer& writer, store::SubjectNumber subject,
                       std::vector<store::Event>& events);

// All stored events of these subjects, opened.
Result<std::vector<event::AcceptedEvent>> open_all_events(store::Writer& writer,
                                                          std::span<const store::Subject> subjects);

// The plan that made this process a child, as stored; of several the one that counts.
Result<std::optional<Embryo>> read_embryo(store::Writer& writer, store::ProcessNumber child,
                                          const std::string& service);

}  // namespace lb::book
