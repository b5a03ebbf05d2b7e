// The registry: every process type there is.
#include <algorithm>
#include <string>

#include "bkserver/state/machine.h"
#include "common/base/ascii.h"

namespace lb::state {

extern const Machine kSimple;
extern const Machine kDag;
extern const Machine kCollection;
extern const Machine kPbs;
extern const Machine kCondor;
extern const Machine kCream;
extern const Machine kTransfer;
extern const Machine kTransferCollection;
extern const Machine kVirtualMachine;
extern const Machine kPhysicalMachine;
extern const Machine kCluster;

namespace {

constexpr const Machine* kMachines[] = {
    &kSimple,
    &kDag,
    &kCollection,
    &kPbs,
    &kCondor,
    &kCream,
    &kTransferCollection,
    &kTransfer,
    &kVirtualMachine,
    &kPhysicalMachine,
    &kCluster,
};

// Types of the original that share the machine of another one.
constexpr std::pair<std::string_view, std::uint32_t> kOtherWords[] = {
    {"partitionable", 2},
    {"partitioned", 2},
};

}  // namespace

Registry machines() {
    return kMachines;
}

const Machine* find_machine(Registry registry, std::uint32_t type) {
    const auto at = std::find_if(registry.begin(), registry.end(),
                                 [&](const Machine* machine) { return machine->type == type; });
    return at == registry.end() ? nullptr : *at;
}

std::string_view process_type_word(std::uint32_t type) {
    const Machine* machine = find_machine(kMachines, type);
    return machine == nullptr ? std::string_view() : machine->word;
}

std::uint32_t process_type_from_word(std::string_view word) {
    const std::string lower = lower_case(word);
    for (const Machine* machine : kMachines)
        if (machine->word == lower) return machine->type;
    for (const auto& [other, type] : kOtherWords)
        if (other == lower) return type;
    return 0;
}

}  // namespace lb::state
