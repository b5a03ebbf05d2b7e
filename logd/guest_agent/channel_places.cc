#include "logd/guest_agent/channel_places.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

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

// What is longer is cut.
std::string read_file(const std::string& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    std::ifstream in(path, std::ios::binary);
    std::string text(error ? 0 : std::min<std::size_t>(size, kStateBytesMax), '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return text;
}

// Of "... id='12' ...", "id": "12"; empty when there is none.
std::string_view attribute(std::string_view tag, std::string_view name) {
    const std::string opening = " " + std::string(name) + "='";
    const std::size_t begin = tag.find(opening);
    if (begin == std::string_view::npos) return {};
    tag.remove_prefix(begin + opening.size());
    return tag.substr(0, tag.find('\''));
}

std::string key_of_uuid(std::string_view text) {
    const auto uuid = uuid_of(text);
    return uuid ? "libvirt-uuid:/" + *uuid : std::string();
}

}  // namespace

std::optional<RunningDomain> domain_in_state(std::string_view state_xml) {
    const auto tag_at = [state_xml](std::size_t begin) {
        return state_xml.substr(begin, state_xml.find('>', begin) - begin);
    };
    const std::size_t begin = state_xml.find("<domain ");
    if (begin == std::string_view::npos) return std::nullopt;
    RunningDomain domain;
    domain.id = attribute(tag_at(begin), "id");
    domain.uuid = hooks::scan_domain_xml(state_xml.substr(begin)).uuid;
    const std::size_t device = state_xml.find("<vsock");
    if (device == std::string_view::npos) return domain;
    const std::size_t cid = state_xml.find("<cid ", device);
    if (cid == std::string_view::npos) return domain;
    const std::string_view digits = attribute(tag_at(cid), "address");
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size()) domain.cid = number;
    return domain;
}

const std::vector<RunningDomains::Found>& RunningDomains::domains() {
    if (domains_) return *domains_;
    domains_.emplace();
    for (const std::string& name : names_in(directory_)) {
        if (!name.ends_with(".xml")) continue;
        std::string path = directory_ + "/" + name;
        if (auto domain = domain_in_state(read_file(path)))
            domains_->push_back({std::move(path), std::move(*domain)});
    }
    return *domains_;
}

std::string RunningDomains::key_of_id(std::string_view id) {
    for (const Found& found : domains())
        if (!id.empty() && found.domain.id == id) return key_of_uuid(found.domain.uuid);
    return {};
}

std::string RunningDomains::key_of_vsock(std::uint32_t cid) {
    for (const Found& found : domains()) {
        if (found.domain.cid != cid) continue;
        const auto now = domain_in_state(read_file(found.path));
        if (now && now->cid == cid) return key_of_uuid(now->uuid);
    }
    return {};
}

std::vector<ChannelPlace> find_channels(
    const PlaceOptions& options, RunningDomains& domains,
    const std::function<bool(const std::string& path)>& is_open) {
    std::vector<ChannelPlace> places;
    const auto add = [&](ChannelPlace place, const std::function<std::string()>& key_of) {
        if (is_open(place.path())) return;
        place.key = key_of();
        if (!place.key.empty()) places.push_back(std::move(place));
    };
    for (const std::string& directory : options.uuid_directories)
        for (const std::string& name : names_in(directory))
            if (name.ends_with(kSocketEnding))
                add({directory, name, {}}, [&] {
                    return key_of_uuid(name.substr(0, name.size() - kSocketEnding.size()));
                });
    for (const std::string& directory : options.libvirt_directories)
        for (const std::string& name : names_in(directory)) {
            const ChannelPlace place{directory + "/" + name, options.channel, {}};
            std::error_code error;
            if (fs::is_socket(place.path(), error))
                add(place, [&] { return domains.key_of_id(libvirt_id_of(name)); });
        }
    return places;
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

}  // namespace lb::guest_agent
