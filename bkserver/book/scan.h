// Reading all stored events of a process, for folding it from the start.
#pragma once

#include <span>
#include <vector>

#include "bkserver/book/intake.h"
#include "bkserver/store/store.h"

namespace lb::book {

// Appends all stored events of a subject.
Status read_all_events(store::Writer& writer, store::SubjectNumber subject,
                       std::vector<store::Event>& events);

// All stored events of these subjects, opened.
Result<std::vector<event::AcceptedEvent>> open_all_events(store::Writer& writer,
                                                          std::span<const store::Subject> subjects);

}  // namespace lb::book
