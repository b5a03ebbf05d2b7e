// Who plans children, who is whose child: what the registers and registrations say of it.
#include <algorithm>
#include <charconv>

#include "bkserver/state/engine.h"
#include "bkserver/state/machine.h"
#include "bkserver/state/parent_limits.h"
#include "bkserver/state/shapes.h"

namespace lb::state {
namespace {

// The seed of those who name none: the original's, so that its clients find their children.
constexpr std::string_view kDefaultSeed = "edg_wll_GenerateSubjobIds()";

// Planned children of transfer collections are transfers, all others simple jobs until their own
// registration says more.
std::string_view embryo_word(const event::Event& registration) {
    const std::uint32_t type = process_type_from_word(registration.text("jobtype"));
    const auto transfers = static_cast<std::uint32_t>(event::ProcessType::kFileTransferCollection);
    return type == transfers ? "FILE_TRANSFER" : "SIMPLE";
}

void add_link(std::vector<Link>& links, std::string_view parent, std::int64_t since_us) {
    if (!parent.empty()) links.push_back({std::string(parent), since_us});
}

}  // namespace

bool has_children(std::uint32_t type) {
    const Machine* machine = find_machine(machines(), type);
    return machine != nullptr && machine->count != nullptr;
}

bool is_moved_by_children(std::uint32_t type) {
    const Machine* machine = find_machine(machines(), type);
    return machine != nullptr && machine->is_moved_by_children;
}

std::vector<Link> links_of(const Registers& registers) {
    std::vector<Link> links;
    add_link(links, text_of_register(registers, "embryo_of"), 0);
    add_link(links, text_of_register(registers, "parent_job"), 0);
    const std::uint16_t number = Attr{"memberships"}.number();
    for (auto at = registers.claims.lower_bound(Slot{number, {}});
         at != registers.claims.end() && at->first.register_number == number; ++at)
        if (at->second.value == "member") add_link(links, at->second.label, at->second.time_us);
    std::stable_sort(links.begin(), links.end(),
                     [](const Link& a, const Link& b) { return a.parent < b.parent; });
    links.erase(std::unique(links.begin(), links.end(),
                            [](const Link& a, const Link& b) { return a.parent == b.parent; }),
                links.end());
    return links;
}

std::optional<Brood> brood_of(const event::Event& registration) {
    if (registration.type != static_cast<std::uint16_t>(event::EventType::kRegJob)) return {};
    const std::uint32_t type = process_type_from_word(registration.text("jobtype"));
    const bool is_cluster = type == static_cast<std::uint32_t>(event::ProcessType::kVmCluster);
    if (!has_children(type) || is_cluster) return {};
    const std::string_view text = registration.text("nsubjobs");
    Brood brood;
    const auto [end, problem] =
        std::from_chars(text.data(), text.data() + text.size(), brood.count);
    if (problem != std::errc() || brood.count == 0) return {};
    const std::string_view seed = registration.text("seed");
    brood.seed = seed.empty() ? kDefaultSeed : seed;
    return brood;
}

event::Event embryo_event(const event::Event& registration, std::string_view parent) {
    event::Event embryo = registration;
    embryo.fields.clear();
    embryo.set_text("jobtype", std::string(embryo_word(registration)));
    embryo.set_text("parent", std::string(parent));
    return embryo;
}

}  // namespace lb::state
