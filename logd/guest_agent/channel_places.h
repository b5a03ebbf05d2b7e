// Where the channels of this host's guests are, and whose each one is. The path decides: who may
// make a socket there is the hypervisor alone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lb::guest_agent {

struct ChannelPlace {
    std::string directory;
    std::string socket;  // its name in there
    std::string key;     // libvirt-uuid:/...: whose it is

    [[nodiscard]] std::string path() const { return directory + "/" + socket; }
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

// What libvirt's state of a running domain tells.
struct RunningDomain {
    std::string id;
    std::string uuid;
    std::optional<std::uint32_t> cid;  // vsock context id
};
// Nothing when it is no domain's state.
std::optional<RunningDomain> domain_in_state(std::string_view state_xml);

// The domains that run, from libvirt's state files. All of them are read when somebody is asked
// for, and not again until forget().
class RunningDomains {
  public:
    // `directory`: PlaceOptions::libvirt_states.
    explicit RunningDomains(std::string directory) : directory_(std::move(directory)) {}

    void forget() { domains_.reset(); }
    // libvirt-uuid:/...; empty: no running domain's.
    std::string key_of_id(std::string_view id);
    // As above. Looks into that domain's file again: context ids are soon given to others.
    std::string key_of_vsock(std::uint32_t cid);

  private:
    struct Found {
        std::string path;
        RunningDomain domain;
    };

    const std::vector<Found>& domains();

    std::string directory_;
    std::optional<std::vector<Found>> domains_;
};

// The channels for which not `is_open(path)`.
std::vector<ChannelPlace> find_channels(
    const PlaceOptions& options, RunningDomains& domains,
    const std::function<bool(const std::string& path)>& is_open);

// 8-4-4-4-12 hexadecimal digits, in lower case; nothing when it is none.
std::optional<std::string> uuid_of(std::string_view text);
// Of "domain-12-web" and "12-web": "12".
std::string_view libvirt_id_of(std::string_view directory_name);

}  // namespace lb::guest_agent
