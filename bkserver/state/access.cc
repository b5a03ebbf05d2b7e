#include "bkserver/state/access.h"

#include <algorithm>
#include <optional>

#include "bkserver/state/draft.h"
#include "bkserver/state/shapes.h"
#include "common/base/ascii.h"

namespace lb::state {

namespace {

using Kind = AccessEntry::Kind;

// As ChangeACL spells them, by the value of Kind.
constexpr std::string_view kKindWords[] = {"DN", "GROUP", "FQAN"};

std::string_view take_word(std::string_view& text) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    return word;
}

// Of a name that access_entry_name() made; nothing when it is about a right, or somebody, of a kind
// that only newer servers know.
std::optional<AccessEntry> entry_of(std::string_view name, bool is_denial) {
    const std::string_view right = take_word(name);
    const auto* const kind =
        std::find(std::begin(kKindWords), std::end(kKindWords), take_word(name));
    if (kind == std::end(kKindWords)) return std::nullopt;
    for (const Right known : {Right::kRead, Right::kTag})
        if (right == to_string(known))
            return AccessEntry{known, is_denial, static_cast<Kind>(kind - std::begin(kKindWords)),
                               std::string(name)};
    return std::nullopt;
}

void add_entries(const Registers& registers, Attr attribute, bool is_denial, Access& access) {
    const std::uint16_t number = attribute.number();
    for (auto at = registers.claims.lower_bound(Slot{number, {}});
         at != registers.claims.end() && at->first.register_number == number; ++at) {
        if (at->second.value != "ADD") continue;
        if (auto entry = entry_of(at->second.label, is_denial))
            access.entries.push_back(std::move(*entry));
    }
}

// The machines of the workload system, one a line.
void add_service_machines(const Registers& registers, Access& access) {
    std::string_view lines = text_of_register(registers, "wms_dn");
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(lines.size(), line.size() + 1));
        if (!line.empty())
            access.entries.push_back({Right::kRead, false, Kind::kPerson, std::string(line)});
    }
}

std::string xml_text(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '&')
            escaped += "&amp;";
        else if (c == '<')
            escaped += "&lt;";
        else if (c == '>')
            escaped += "&gt;";
        else
            escaped += c;
    }
    return escaped;
}

std::string gacl_who(const AccessEntry& entry) {
    const std::string who = xml_text(entry.who);
    switch (entry.kind) {
        case Kind::kPerson:
            return "<person><dn>" + who + "</dn></person>";
        case Kind::kGroup:
            return "<voms-cred><group>" + who + "</group></voms-cred>";
        case Kind::kFqan:
            return "<voms><fqan>" + who + "</fqan></voms>";
    }
    return {};
}

std::string gacl_entry(const AccessEntry& entry) {
    const std::string verb = entry.is_denial ? "deny" : "allow";
    const std::string right = lower_case(to_string(entry.right));
    return "<entry>" + gacl_who(entry) + "<" + verb + "><" + right + "/></" + verb + "></entry>";
}

std::string words_of(const AccessEntry& entry) {
    return std::string(to_string(entry.right)) +
           (entry.is_denial ? " denied to " : " allowed to ") +
           std::string(kKindWords[static_cast<std::size_t>(entry.kind)]) + " " + entry.who;
}

// A grant names a subject as the original does, a proven identity has its kind in front.
std::string_view subject_of(std::string_view identity) {
    constexpr std::string_view kCertificate = "certificate:";
    return identity.starts_with(kCertificate) ? identity.substr(kCertificate.size()) : identity;
}

// The newest claim of that name or that subject; nullptr when there is none.
const Claim* taken_by(const Registers& registers, std::string_view who) {
    const std::uint16_t takes = Attr{"takes"}.number();
    const Claim* newest = nullptr;
    for (auto at = registers.claims.lower_bound(Slot{takes, {}});
         at != registers.claims.end() && at->first.register_number == takes; ++at)
        if (subject_of(at->second.label) == subject_of(who) &&
            (newest == nullptr || at->second.key > newest->key))
            newest = &at->second;
    return newest;
}

struct Payload {
    std::string owner;
    const Claim* later = nullptr;  // of the grant and the taking
};

Payload payload_of(const Registers& registers) {
    Payload payload;
    const std::uint16_t grants = Attr{"grants"}.number();
    for (auto at = registers.claims.lower_bound(Slot{grants, {}});
         at != registers.claims.end() && at->first.register_number == grants; ++at) {
        const Claim* const granted = &at->second;
        const Claim* const taken = taken_by(registers, granted->label);
        if (taken == nullptr) continue;
        const Claim* const later = taken->key > granted->key ? taken : granted;
        if (payload.later == nullptr || later->key >= payload.later->key)
            payload = {granted->label, later};
    }
    return payload;
}

}  // namespace

std::string_view to_string(Right right) {
    return right == Right::kTag ? "TAG" : "READ";
}

std::string payload_owner(const Registers& registers) {
    return payload_of(registers).owner;
}

const Claim* payload_claim(const Registers& registers) {
    return payload_of(registers).later;
}

Access access_of(const Registers& registers) {
    Access access;
    add_service_machines(registers, access);
    add_entries(registers, "acl_allowed", false, access);
    add_entries(registers, "acl_denied", true, access);
    access.payload_owner = payload_owner(registers);
    access.has_lost_denials = std::binary_search(
        registers.truncated.begin(), registers.truncated.end(), Attr{"acl_denied"}.number());
    return access;
}

std::string access_entry_name(const event::Event& event) {
    std::string name;
    for (const std::string_view field : {"permission", "user_id_type", "user_id"}) {
        const std::string_view text = event.text(field);
        if (text.empty()) return {};
        if (!name.empty()) name += ' ';
        name += text;
    }
    return name;
}

void show_access(const Registers& registers, Draft& draft) {
    const Access access = access_of(registers);
    if (access.entries.empty()) return;
    std::string gacl = "<gacl version=\"0.0.1\">";
    nlohmann::ordered_json lines = nlohmann::ordered_json::array();
    for (const AccessEntry& entry : access.entries) {
        gacl += gacl_entry(entry);
        lines.push_back(words_of(entry));
    }
    draft.set("acl", std::string_view(gacl + "</gacl>"));
    draft.set_json(Attr{"access_rights"}.index, std::move(lines));
}

}  // namespace lb::state
