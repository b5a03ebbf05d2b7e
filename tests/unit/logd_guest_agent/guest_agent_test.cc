// The host's side of channels: whose they are, and what becomes of what comes on them. The test
// plays the hypervisor: it listens where qemu would.
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

#include "logd/guest_agent/agent.h"

using lb::Error;
using lb::ErrorCode;
using lb::Status;
using lb::event::Event;
using namespace lb::guest_agent;
namespace fs = std::filesystem;

namespace {

constexpr char kUuid[] = "6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01";
constexpr char kId[] = "0192f3c1a4b07e6c8d5f00112233aabb";

struct Directory {
    Directory() {
        char name[] = "/tmp/lb-channels-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        path = name;
    }
    ~Directory() { fs::remove_all(path); }
    std::string path;
};

// The hypervisor's end of one guest's serial port.
class Port {
  public:
    explicit Port(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(path.size() < sizeof address.sun_path);
        std::memcpy(address.sun_path, path.data(), path.size());
        listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 1) == 0);
    }
    ~Port() {
        if (connection_ >= 0) ::close(connection_);
        ::close(listener_);
    }

    void say(const std::string& text) {
        if (connection_ < 0) connection_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        REQUIRE(::send(connection_, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }

    std::string hear() {
        std::string line;
        char c = 0;
        pollfd waited{connection_, POLLIN, 0};
        while (::poll(&waited, 1, 10'000) > 0 && ::recv(connection_, &c, 1, 0) == 1 && c != '\n')
            line += c;
        return line;
    }

  private:
    int listener_ = -1;
    int connection_ = -1;
};

struct Logged {
    std::string key;
    Event event;
    std::string event_id;
};

struct Desk {
    Directory directory;
    lb::metrics::Registry registry;
    std::mutex mutex;
    std::vector<Logged> logged;
    Status outcome;

    AgentOptions options(std::int64_t lines_per_second = 1000) {
        AgentOptions options;
        options.host = "node1";
        options.places.uuid_directories = {directory.path};
        options.lines_per_second = lines_per_second;
        return options;
    }

    lb::agent::Sink sink() {
        return [this](std::string_view key, const Event& event, std::string_view event_id) {
            const std::lock_guard lock(mutex);
            if (outcome.ok()) logged.push_back({std::string(key), event, std::string(event_id)});
            return outcome;
        };
    }
};

std::string line(const std::string& rest) {
    return std::string("lb1 ") + kId + " " + rest + "\n";
}

}  // namespace

TEST_CASE("what comes on a channel is said by the machine whose channel it is") {
    Desk desk;
    Port port(desk.directory.path + "/" + kUuid + ".sock");
    Agent agent(desk.options(), desk.sink(), desk.registry);
    port.say(line("250 running"));
    CHECK(port.hear() == std::string("lb1 ") + kId + " ok");
    port.say(line("0 running source=CloudManager"));
    CHECK(port.hear().starts_with(std::string("lb1 ") + kId + " refused "));
    port.say("nonsense\n");
    CHECK(port.hear().starts_with("lb1 - refused "));
    const std::lock_guard lock(desk.mutex);
    REQUIRE(desk.logged.size() == 1);
    CHECK(desk.logged[0].key == std::string("libvirt-uuid:/") + kUuid);
    CHECK(desk.logged[0].event.source == lb::event::Source::kVmSystem);
    CHECK(desk.logged[0].event.host == "node1");
    CHECK(agent.refused() == 2);
}

TEST_CASE("a line said again has the same id, whoever else says it has another") {
    Desk desk;
    Agent agent(desk.options(), desk.sink(), desk.registry);
    const std::string text = line("0 running").substr(0, line("0 running").size() - 1);
    agent.take("libvirt-uuid:/a", text);
    agent.take("libvirt-uuid:/a", text);
    agent.take("libvirt-uuid:/b", text);
    REQUIRE(desk.logged.size() == 3);
    CHECK(desk.logged[0].event_id.size() == 16);
    CHECK(desk.logged[0].event_id == desk.logged[1].event_id);
    CHECK(desk.logged[0].event_id != desk.logged[2].event_id);
}

TEST_CASE("a guest hears whether asking again may help") {
    Desk desk;
    Agent agent(desk.options(), desk.sink(), desk.registry);
    const std::string text = std::string("lb1 ") + kId + " 0 running";
    desk.outcome = Error{ErrorCode::kRetry, "away"};
    CHECK(agent.take("libvirt-uuid:/a", text) == std::string("lb1 ") + kId + " again away\n");
    desk.outcome = Error{ErrorCode::kDenied, "no"};
    CHECK(agent.take("libvirt-uuid:/a", text) == std::string("lb1 ") + kId + " refused no\n");
}

TEST_CASE("too long a line is refused once, and the next one counts") {
    Desk desk;
    Port port(desk.directory.path + "/" + kUuid + ".sock");
    Agent agent(desk.options(), desk.sink(), desk.registry);
    port.say(std::string(20'000, 'x'));
    CHECK(port.hear() == "lb1 - refused the%20line%20is%20too%20long");
    port.say("x\n" + line("0 heartbeat"));
    CHECK(port.hear() == std::string("lb1 ") + kId + " ok");
}

TEST_CASE("one guest that talks without end does not keep the others from speaking") {
    Desk desk;
    Port loud(desk.directory.path + "/00000000-0000-0000-0000-000000000001.sock");
    Port calm(desk.directory.path + "/" + kUuid + ".sock");
    Agent agent(desk.options(5), desk.sink(), desk.registry);
    std::string flood;
    for (int i = 0; i < 2000; ++i) flood += line("0 tag a=b");
    loud.say(flood);
    calm.say(line("0 running"));
    CHECK(calm.hear() == std::string("lb1 ") + kId + " ok");
    CHECK(agent.logged() < 2000);
}

TEST_CASE("by vsock nobody speaks whose context id no running domain has") {
    Desk desk;
    AgentOptions options = desk.options();
    options.vsock_port = 19'010;
    Agent agent(options, desk.sink(), desk.registry);
    const int guest = ::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_vm host{};
    host.svm_family = AF_VSOCK;
    host.svm_cid = VMADDR_CID_LOCAL;
    host.svm_port = options.vsock_port;
    const timeval patience{2, 0};
    ::setsockopt(guest, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (guest < 0 || ::connect(guest, reinterpret_cast<sockaddr*>(&host), sizeof host) != 0) {
        WARN("skipped: no vsock loopback in this kernel");
        if (guest >= 0) ::close(guest);
        return;
    }
    const std::string text = line("0 running");
    ::send(guest, text.data(), text.size(), MSG_NOSIGNAL);
    char answer = 0;
    CHECK(::recv(guest, &answer, 1, 0) <= 0);
    ::close(guest);
    CHECK(agent.logged() == 0);
}

TEST_CASE("libvirt's own layout: the domain's state says the UUID of a channel") {
    Directory directory;
    const std::string folder = directory.path + "/target/domain-12-web";
    fs::create_directories(folder);
    fs::create_directories(directory.path + "/states");
    std::ofstream(directory.path + "/states/other.xml")
        << "<domstatus><domain type='qemu' "
           "id='1'><uuid>00000000-0000-0000-0000-000000000001</uuid>";
    std::ofstream(directory.path + "/states/web.xml")
        << "<domstatus state='running'>\n<domain type='qemu' id='12'>\n<name>web</name><uuid>"
        << kUuid << "</uuid>";
    Port port(folder + "/org.lb.0");
    PlaceOptions options;
    options.libvirt_directories = {directory.path + "/target"};
    options.libvirt_states = directory.path + "/states";
    std::ofstream(directory.path + "/states/web.xml", std::ios::app)
        << "<devices><vsock model='virtio'><cid auto='no' address='3'/></vsock></devices>";
    RunningDomains domains(options.libvirt_states);
    CHECK(domains.key_of_vsock(3) == std::string("libvirt-uuid:/") + kUuid);
    CHECK(domains.key_of_vsock(33).empty());
    const auto none_is_open = [](const std::string&) { return false; };
    const auto places = find_channels(options, domains, none_is_open);
    REQUIRE(places.size() == 1);
    CHECK(places[0].key == std::string("libvirt-uuid:/") + kUuid);
    CHECK(libvirt_id_of("12-web") == "12");
    CHECK(domain_in_state("<domain type='qemu' id='123'><uuid>x</uuid>")->id == "123");
    CHECK_FALSE(domain_in_state("<domstatus>"));

    // The states are read once a look, and not at all when all channels are open. But whoever has
    // a context id now is asked of its domain's file.
    fs::remove(directory.path + "/states/web.xml");
    CHECK(find_channels(options, domains, none_is_open).size() == 1);
    CHECK(domains.key_of_vsock(3).empty());
    domains.forget();
    CHECK(find_channels(options, domains, none_is_open).empty());
    std::ofstream(directory.path + "/states/web.xml")
        << "<domain type='qemu' id='12'>\n<uuid>" << kUuid << "</uuid>";
    domains.forget();
    CHECK(find_channels(options, domains, [](const std::string&) { return true; }).empty());
    fs::remove(directory.path + "/states/web.xml");
    CHECK(find_channels(options, domains, none_is_open).empty());
    CHECK(!uuid_of("6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a0/"));
}
