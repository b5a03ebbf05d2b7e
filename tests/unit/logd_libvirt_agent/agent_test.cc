// The agent over libvirt's own driver for tests, in this process: real callbacks, real looks.
#include "logd/libvirt_agent/agent.h"

#include <dlfcn.h>
#include <libvirt/libvirt.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <deque>
#include <vector>

#include "logd/libvirt_agent/event_loop.h"

using lb::Error;
using lb::ErrorCode;
using lb::Status;
using lb::event::Event;
using lb::libvirt_agent::Agent;
using lb::libvirt_agent::AgentOptions;
using lb::libvirt_agent::EventLoop;

namespace {

std::atomic<int> listings_to_fail = 0;

}  // namespace

// In place of libvirt's own, which it calls: a libvirtd that is too busy to list its domains.
extern "C" int virConnectListAllDomains(virConnectPtr connection, virDomainPtr** domains,
                                        unsigned int flags) {
    using Listing = int (*)(virConnectPtr, virDomainPtr**, unsigned int);
    static const auto listing =
        reinterpret_cast<Listing>(::dlsym(RTLD_NEXT, "virConnectListAllDomains"));
    if (listings_to_fail > 0) {
        --listings_to_fail;
        return -1;
    }
    return listing(connection, domains, flags);
}

namespace {

constexpr char kUri[] = "test:///default";
constexpr char kTransient[] =
    "<domain type='test'><name>brief</name><uuid>00000000-0000-0000-0000-00000000000b</uuid>"
    "<memory>1024</memory><os><type>hvm</type></os>"
    "<metadata><lb:process xmlns:lb='https://lb.example.org/libvirt'>"
    "https://lb.example.org:9000/own</lb:process></metadata></domain>";

// What the agent logged: "VMStop destroyed resync".
class Log {
  public:
    Status take(std::string_view subject, const Event& event) {
        const std::lock_guard lock(mutex_);
        if (failures_left > 0) {
            --failures_left;
            return Error{ErrorCode::kRetry, "the logger is away"};
        }
        std::string line(lb::event::find_type(event.type)->name);
        for (const std::string_view word : {event.text("reason"), event.text("phase")})
            if (!word.empty()) line += " " + std::string(word);
        if (event.is_resync) line += " resync";
        lines_.push_back({std::string(subject), std::move(line)});
        return {};
    }

    // Whether this line of this subject comes within ten seconds; lines before it are gone then.
    bool comes(const std::string& line, std::string_view subject = {}) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (std::chrono::steady_clock::now() < end) {
            {
                const std::lock_guard lock(mutex_);
                while (!lines_.empty()) {
                    const auto [of, text] = lines_.front();
                    lines_.pop_front();
                    if (text == line && (subject.empty() || of == subject)) return true;
                }
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return false;
    }

    int failures_left = 0;

  private:
    std::mutex mutex_;
    std::deque<std::pair<std::string, std::string>> lines_;
};

AgentOptions options() {
    AgentOptions options;
    options.uri = kUri;
    options.host = "node1";
    return options;
}

struct Hypervisor {
    Hypervisor() : connection(virConnectOpen(kUri)) { REQUIRE(connection != nullptr); }
    ~Hypervisor() { virConnectClose(connection); }
    virDomainPtr domain(const char* name) { return virDomainLookupByName(connection, name); }

    virConnectPtr connection;
};

}  // namespace

TEST_CASE("what is found is a look, what happens follows in its order") {
    auto loop = EventLoop::start();
    REQUIRE(loop.ok());
    Hypervisor hypervisor;
    Log log;
    lb::metrics::Registry registry;
    Agent agent(
        std::move(*loop), options(),
        [&](auto subject, const Event& event, auto) { return log.take(subject, event); }, registry);
    REQUIRE(log.comes("VMRunning resync"));
    virDomainPtr domain = hypervisor.domain("test");
    char uuid[VIR_UUID_STRING_BUFLEN];
    virDomainGetUUIDString(domain, uuid);
    const std::string key = std::string("libvirt-uuid:/") + uuid;

    REQUIRE(virDomainSuspend(domain) == 0);
    CHECK(log.comes("VMSuspend paused", key));
    REQUIRE(virDomainResume(domain) == 0);
    CHECK(log.comes("VMRunning", key));
    REQUIRE(virDomainDestroy(domain) == 0);
    CHECK(log.comes("VMStop destroyed", key));
    REQUIRE(virDomainCreate(domain) == 0);
    CHECK(log.comes("VMRunning", key));
    REQUIRE(virDomainShutdown(domain) == 0);
    CHECK(log.comes("VMStop shutdown", key));
    REQUIRE(virDomainCreate(domain) == 0);
    CHECK(log.comes("VMRunning", key));
    virDomainFree(domain);
    CHECK(agent.is_connected());
    CHECK(agent.failed() == 0);
}

TEST_CASE("a domain without a definition is undefined with its stop; its own id is used") {
    auto loop = EventLoop::start();
    REQUIRE(loop.ok());
    Hypervisor hypervisor;
    Log log;
    lb::metrics::Registry registry;
    Agent agent(
        std::move(*loop), options(),
        [&](auto subject, const Event& event, auto) { return log.take(subject, event); }, registry);
    REQUIRE(log.comes("VMRunning resync"));
    virDomainPtr domain = virDomainCreateXML(hypervisor.connection, kTransient, 0);
    REQUIRE(domain != nullptr);
    const std::string own = "https://lb.example.org:9000/own";
    CHECK(log.comes("VMRunning", own));
    REQUIRE(virDomainDestroy(domain) == 0);
    virDomainFree(domain);
    CHECK(log.comes("VMStop destroyed", own));
    CHECK(log.comes("VMUndefine", own));
}

TEST_CASE("an event that the logger does not take is offered again") {
    auto loop = EventLoop::start();
    REQUIRE(loop.ok());
    Log log;
    log.failures_left = 2;  // the heartbeat, which is not repeated, and the first look
    lb::metrics::Registry registry;
    AgentOptions beating = options();
    beating.heartbeat_seconds = 60;
    Agent agent(
        std::move(*loop), beating,
        [&](auto subject, const Event& event, auto) { return log.take(subject, event); }, registry);
    CHECK(log.comes("VMRunning resync"));
    CHECK(agent.failed() == 0);
}

TEST_CASE("a look that libvirt does not allow is made up for over another connection") {
    auto loop = EventLoop::start();
    REQUIRE(loop.ok());
    Log log;
    listings_to_fail = 2;
    lb::metrics::Registry registry;
    AgentOptions patient = options();
    patient.backoff_first_ms = 1;
    patient.backoff_max_ms = 2;
    Agent agent(
        std::move(*loop), patient,
        [&](auto subject, const Event& event, auto) { return log.take(subject, event); }, registry);
    CHECK(log.comes("VMRunning resync"));
    CHECK(listings_to_fail == 0);
}

TEST_CASE("an agent that cannot connect stops at once") {
    auto loop = EventLoop::start();
    REQUIRE(loop.ok());
    lb::metrics::Registry registry;
    AgentOptions nowhere = options();
    nowhere.uri = "qemu+unix:///system?socket=/nonexistent/libvirt-sock";
    nowhere.heartbeat_seconds = 1;
    Log log;
    Agent agent(
        std::move(*loop), nowhere,
        [&](auto subject, const Event& event, auto) { return log.take(subject, event); }, registry);
    CHECK(log.comes("VMRunning resync", "host:/node1"));
    CHECK(log.comes("VMHeartbeat", "host:/node1"));
    CHECK(!agent.is_connected());
}
