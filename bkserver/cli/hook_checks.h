// What `lbctl doctor` finds of the hooks of a host: whether each lies where its hypervisor, cloud
// or init looks for it, and whether it is called.
#pragma once

#include <optional>
#include <string>

#include "bkserver/cli/diagnosis.h"

namespace lb::cli {

// Where to look, and what lb-logd knows.
struct HookCheck {
    std::string root;            // what stands before /etc, /run; empty: this system
    std::string agents_runtime;  // where agents have their folders
    // Of lb-logd's status: who told of machines, and when last; nothing: it could not be asked.
    std::optional<Json> programs;
    std::int64_t now_us = 0;
};

// Only of what is on this host; of libvirt always.
void check_hooks(const HookCheck& check, Findings& findings);

}  // namespace lb::cli
