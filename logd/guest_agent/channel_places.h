// Where the channels of this host's guests are, and whose each one is. The path decides: who may
// make a socket there is the hypervisor alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lb::guest_agent {

struct ChannelPlace {
    std::string directory;
    std::string socket;  // its name in there
    std::string key;     // libvirt-uuid:/...: whose it is
};

struct PlaceOptions {
    // DIR/UUID.sock: the machine's UUID is the socket's name.
    std::vector<std::string> uuid_directories;
    // DIR/[domain-]ID-NAME/CHANNEL, as libvirt lays them out by itself ...
    std::vector<std::string> libvirt_directories;
    std::string channel = "org.lb.0";
    // ... and where it keeps the state of running domains, NAME.xml: says the UUID of an ID.
    std::string libvirt_states = "/run/libvirt/qemu";
};

std::vector<ChannelPlace> find_channels(const PlaceOptions& options);
// Whose vsock context id this is: libvirt-uuid:/...; empty: no running domain's.
std::string key_of_vsock(const PlaceOptions& options, std::uint32_t cid);

// 8-4-4-4-12 hexadecimal digits, in lower case; nothing when it is none.
std::optional<std::string> uuid_of(std::string_view text);
// Of "domain-12-web" and "12-web": "12".
std::string_view libvirt_id_of(std::string_view directory_name);
// The UUID of the domain with this id in libvirt's state of a running domain; empty: another one's.
std::string uuid_in_state(std::string_view state_xml, std::string_view id);
// The UUID of the domain with this vsock context id; empty: another one's.
std::string uuid_of_cid_in_state(std::string_view state_xml, std::uint32_t cid);

}  // namespace lb::guest_agent
