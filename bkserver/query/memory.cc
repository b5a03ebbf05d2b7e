#include "bkserver/query/memory.h"

namespace lb::query {

namespace {

// Of memory, about: registers take some times as much when they are opened, and so does the status.
std::size_t bytes_of(std::string_view name, const store::Process& process) {
    constexpr std::size_t kEntryBytes = 2048;
    constexpr std::size_t kTimesOpened = 8;
    return kEntryBytes + 2 * name.size() + kTimesOpened * process.registers.size();
}

}  // namespace

std::shared_ptr<const KnownProcess> KnownProcesses::find(std::string_view name) {
    const std::string key(name);
    const std::lock_guard lock(mutex_);
    auto known = by_name_.take(key);
    if (!known) return nullptr;
    by_name_.put(key, *known, bytes_of(key, (*known)->process));
    return std::move(*known);
}

Result<std::shared_ptr<const KnownProcess>> KnownProcesses::learn(std::string_view name,
                                                                  const store::Process& process) {
    const auto known = std::make_shared<KnownProcess>();
    known->process = process;
    LB_TRY_ASSIGN(known->registers, state::Registers::decode(process.registers));
    if (!state::has_children(process.type))
        known->status = state::derive(known->registers, process.id).attributes;
    const std::lock_guard lock(mutex_);
    by_name_.put(std::string(name), known, bytes_of(name, process));
    return std::shared_ptr<const KnownProcess>(known);
}

}  // namespace lb::query
