#include "logd/guest_agent/options.h"

#include "logd/agent/service.h"

namespace lb::guest_agent {

namespace {

using config::Kind;
using config::Option;

// clang-format off
constexpr Option kOptions[] = {
    {"uuid_directories", Kind::kTextList, "/run/lb/guests", "directories of sockets UUID.sock, one a machine"},
    {"libvirt_directories", Kind::kTextList, "/run/libvirt/qemu/channel, /var/lib/libvirt/qemu/channel/target",
     "directories where libvirt lays channels out by itself: [domain-]ID-NAME/CHANNEL"},
    {"libvirt_states", Kind::kText, "/run/libvirt/qemu", "where libvirt keeps the state of running domains"},
    {"channel", Kind::kText, "org.lb.0", "name of the virtio-serial port"},
    {"lines_per_second", Kind::kInteger, "20", "what one guest may say in a second; more waits", 1, 100'000},
    {"vsock_port", Kind::kInteger, "9010", "port where guests come in by vsock, if this kernel has it; 0: none", 0, 65'535},
};
// clang-format on

}  // namespace

std::span<const Option> option_table() {
    static const std::vector<Option> table = agent::with_logger_options(kOptions);
    return table;
}

Result<AgentOptions> options_of(const config::Config& config) {
    AgentOptions options;
    options.host = agent::host_of(config);
    options.places.uuid_directories = config.list("uuid_directories");
    options.places.libvirt_directories = config.list("libvirt_directories");
    options.places.libvirt_states = config.text("libvirt_states");
    options.places.channel = config.text("channel");
    options.lines_per_second = config.integer("lines_per_second");
    options.vsock_port = static_cast<std::uint32_t>(config.integer("vsock_port"));
    if (options.places.channel.empty() || options.places.channel.find('/') != std::string::npos)
        return Error{ErrorCode::kReject, "channel is the name of a port, such as org.lb.0"};
    return options;
}

}  // namespace lb::guest_agent
