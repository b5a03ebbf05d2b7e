#include "logd/opennebula_agent/known_machines.h"

#include <charconv>

namespace lb::opennebula_agent {

namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024 * 1024;

// A number a line; what is no number is left out.
KnownMachines::Map read_lines(std::string_view text) {
    KnownMachines::Map machines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) break;
        int id = 0;
        const auto [stop, error] = std::from_chars(text.data(), text.data() + end, id);
        if (error == std::errc() && stop == text.data() + end && id >= 0) machines[id] = Seen{};
        text.remove_prefix(end + 1);
    }
    return machines;
}

}  // namespace

Seen seen_of(const opennebula::VmDocument& vm) {
    return {vm.state, vm.lcm_state, vm.stay ? vm.stay->sequence : -1};
}

Result<std::unique_ptr<KnownMachines>> KnownMachines::open(env::Env& env, const std::string& path) {
    std::unique_ptr<KnownMachines> known(new KnownMachines(env, path));
    if (path.empty()) return known;
    const auto text = env::read_file(env, path, kFileBytesMax);
    if (!text.ok() && text.error().code != ErrorCode::kNotFound) return text.error();
    LB_TRY(known->replace(text.ok() ? read_lines(*text) : Map{}));
    return known;
}

const Seen* KnownMachines::find(int id) const {
    const auto at = machines_.find(id);
    return at == machines_.end() ? nullptr : &at->second;
}

Status KnownMachines::see(int id, const Seen& seen) {
    const bool is_new = machines_.insert_or_assign(id, seen).second;
    if (!is_new || path_.empty()) return {};
    if (!file_) LB_TRY(replace(machines_));  // an earlier write failed
    const std::string line = std::to_string(id) + "\n";
    Status written = file_->write_at(file_bytes_, line);
    if (written.ok()) written = file_->sync_data();
    if (!written.ok()) file_.reset();
    file_bytes_ += line.size();
    return written;
}

Status KnownMachines::replace(Map machines) {
    machines_ = std::move(machines);
    if (path_.empty()) return {};
    std::string text;
    for (const auto& [id, seen] : machines_) text += std::to_string(id) + "\n";
    file_.reset();
    LB_TRY(env::replace_file(env_, path_, text));
    LB_TRY_ASSIGN(file_, env_.open_file(path_, env::OpenMode::kReadWrite));
    file_bytes_ = text.size();
    return {};
}

}  // namespace lb::opennebula_agent
