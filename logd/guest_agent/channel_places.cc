#include "logd/guest_agent/channel_places.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "logd/hooks/libvirt/domain_xml.h"

namespace lb::guest_agent {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChannelsMax = 10'000;
constexpr std::size_t kStateBytesMax = 1024 * 1024;
constexpr std::string_view kSocketEnding = ".sock";
constexpr std::string_view kUuidForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        if (names.size() == kChannelsMax) break;
        names.push_back(entry->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string text(kStateBytesMax, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return text;
}

// The first UUID that `uuid_in` finds in the state of a running domain.
std::string uuid_of_running(const std::string& states,
                            const std::function<std::string(std::string_view state)>& uuid_in) {
    for (const std::string& name : names_in(states)) {
        if (!name.ends_with(".xml")) continue;
        std::string uuid = uuid_in(read_file(states + "/" + name));
        if (!uuid.empty()) return uuid;
    }
    return {};
}

std::string key_of_uuid(std::string_view text) {
    const auto uuid = uuid_of(text);
    return uuid ? "libvirt-uuid:/" + *uuid : std::string();
}

void find_by_uuid(const std::string& directory, std::vector<ChannelPlace>& places) {
    for (const std::string& name : names_in(directory)) {
        if (!name.ends_with(kSocketEnding)) continue;
        std::string key = key_of_uuid(name.substr(0, name.size() - kSocketEnding.size()));
        if (!key.empty()) places.push_back({directory, name, std::move(key)});
    }
}

void find_by_id(const std::string& directory, const PlaceOptions& options,
                std::vector<ChannelPlace>& places) {
    for (const std::string& name : names_in(directory)) {
        const std::string folder = directory + "/" + name;
        std::error_code error;
        if (!fs::is_socket(folder + "/" + options.channel, error)) continue;
        std::string key =
            key_of_uuid(uuid_of_running(options.libvirt_states, [&](std::string_view state) {
                return uuid_in_state(state, libvirt_id_of(name));
            }));
        if (!key.empty()) places.push_back({folder, options.channel, std::move(key)});
    }
}

}  // namespace

std::vector<ChannelPlace> find_channels(const PlaceOptions& options) {
    std::vector<ChannelPlace> places;
    for (const std::string& directory : options.uuid_directories) find_by_uuid(directory, places);
    for (const std::string& directory : options.libvirt_directories)
        find_by_id(directory, options, places);
    return places;
}

std::string key_of_vsock(const PlaceOptions& options, std::uint32_t cid) {
    return key_of_uuid(uuid_of_running(options.libvirt_states, [cid](std::string_view state) {
        return uuid_of_cid_in_state(state, cid);
    }));
}

std::optional<std::string> uuid_of(std::string_view text) {
    if (text.size() != kUuidForm.size()) return std::nullopt;
    std::string uuid;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i] >= 'A' && text[i] <= 'F' ? static_cast<char>(text[i] + 32) : text[i];
        const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (kUuidForm[i] == '-' ? c != '-' : !is_digit) return std::nullopt;
        uuid += c;
    }
    return uuid;
}

std::string_view libvirt_id_of(std::string_view directory_name) {
    constexpr std::string_view kOldPrefix = "domain-";
    if (directory_name.starts_with(kOldPrefix)) directory_name.remove_prefix(kOldPrefix.size());
    return directory_name.substr(0, directory_name.find('-'));
}

std::string uuid_in_state(std::string_view state_xml, std::string_view id) {
    const std::size_t domain = state_xml.find("<domain ");
    if (domain == std::string_view::npos || id.empty()) return {};
    const std::string_view tag = state_xml.substr(domain, state_xml.find('>', domain) - domain);
    if (tag.find(" id='" + std::string(id) + "'") == std::string_view::npos) return {};
    return hooks::scan_domain_xml(state_xml.substr(domain)).uuid;
}

std::string uuid_of_cid_in_state(std::string_view state_xml, std::uint32_t cid) {
    const std::size_t domain = state_xml.find("<domain ");
    const std::size_t device = state_xml.find("<vsock");
    if (domain == std::string_view::npos || device == std::string_view::npos) return {};
    const std::size_t begin = state_xml.find("<cid ", device);
    if (begin == std::string_view::npos) return {};
    const std::string_view tag = state_xml.substr(begin, state_xml.find('>', begin) - begin);
    if (tag.find(" address='" + std::to_string(cid) + "'") == std::string_view::npos) return {};
    return hooks::scan_domain_xml(state_xml.substr(domain)).uuid;
}

}  // namespace lb::guest_agent
