// What people feed to `lbctl replay`: any file is read or refused, and what was read can be folded.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bkserver/cli/replay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto input = lb::cli::read_replay(text, lb::cli::ReplayForm::kDetect);
    if (!input.ok()) return 0;
    lb::cli::Replay replay;
    for (const lb::cli::ReplayEvent& event : input->events) replay.add(event);
    for (const std::string& process : replay.processes()) (void)replay.status(process).to_text();
    return 0;
}
