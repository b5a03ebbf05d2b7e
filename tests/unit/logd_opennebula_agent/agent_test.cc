// The agent between a publisher of ZeroMQ, as OpenNebula's hook manager is one, and a cloud that
// answers messages of XML-RPC as OpenNebula does.
#include "logd/opennebula_agent/agent.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <regex>
#include <sstream>
#include <zmq.hpp>

#include "common/base/encoding.h"
#include "tests/support/opennebula_messages.h"

using namespace lb;
using namespace lb::opennebula_agent;
using namespace std::chrono_literals;

namespace {

constexpr char kUuid[] = "libvirt-uuid:/6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01";

// "<VM>...</VM>" of a message.
std::string vm_xml(const std::string& name) {
    const std::string text = test::opennebula_file(name + ".hook_message.xml");
    const std::size_t begin = text.find("<VM>");
    return text.substr(begin, text.find("</VM>") + 5 - begin);
}

std::string with_number(std::string xml, int id) {
    const std::string number = std::to_string(id);
    xml = std::regex_replace(xml, std::regex("<ID>0</ID>"), "<ID>" + number + "</ID>");
    return std::regex_replace(xml, std::regex("0d7c4c1d9a01"),
                              std::string(12 - number.size(), '0') + number);
}

class CloudDouble {
  public:
    void set(int id, const std::string& xml) {
        const std::lock_guard lock(mutex_);
        vms_[id] = xml;
    }
    void set_answering(bool is_answering) {
        const std::lock_guard lock(mutex_);
        is_answering_ = is_answering;
    }
    int count(const std::string& method) {
        const std::lock_guard lock(mutex_);
        return calls_[method];
    }

    Result<std::string> answer(const std::string& body) {
        const std::lock_guard lock(mutex_);
        pugi::xml_document call;
        if (!call.load_string(body.c_str())) return Error{ErrorCode::kReject, "no XML: " + body};
        const std::string method = call.child("methodCall").child("methodName").text().as_string();
        std::vector<std::string> parameters;
        for (const auto& param : call.child("methodCall").child("params").children("param"))
            parameters.emplace_back(param.child("value").first_child().text().as_string());
        ++calls_[method];
        if (parameters.empty() || parameters[0] != "oneadmin:secret") return refuse(256);
        if (!is_answering_) return Error{ErrorCode::kRetry, "connection refused"};
        if (method == "one.vmpool.infoextended") return pool(parameters);
        if (method == "one.hostpool.info")
            return wrap(
                "<HOST_POOL><HOST><ID>1</ID><NAME>kvm1.example.org</NAME><STATE>2</STATE>"
                "</HOST></HOST_POOL>");
        const auto vm = vms_.find(std::stoi(parameters.at(1)));
        return vm == vms_.end() ? refuse(1024) : wrap(vm->second);
    }

  private:
    std::string pool(const std::vector<std::string>& parameters) const {
        const int offset = std::stoi(parameters.at(2));
        const int count = -std::stoi(parameters.at(3));
        std::string xml = "<VM_POOL>";
        int at = 0;
        for (const auto& [id, vm] : vms_) {
            if (vm.find("<STATE>6</STATE>") != std::string::npos) continue;  // done
            if (at >= offset && at < offset + count) xml += vm;
            ++at;
        }
        return wrap(xml + "</VM_POOL>");
    }
    static std::string values(const std::string& first, const std::string& text,
                              const std::string& code) {
        pugi::xml_document document;
        pugi::xml_node data = document.append_child("methodResponse")
                                  .append_child("params")
                                  .append_child("param")
                                  .append_child("value")
                                  .append_child("array")
                                  .append_child("data");
        data.append_child("value").append_child("boolean").text().set(first.c_str());
        data.append_child("value").append_child("string").text().set(text.c_str());
        data.append_child("value").append_child("i4").text().set(code.c_str());
        std::ostringstream out;
        document.save(out);
        return out.str();
    }
    static std::string wrap(const std::string& xml) { return values("1", xml, "0"); }
    static std::string refuse(int code) { return values("0", "no", std::to_string(code)); }

    std::mutex mutex_;
    std::map<int, std::string> vms_;
    std::map<std::string, int> calls_;
    bool is_answering_ = true;
};

class Publisher {
  public:
    explicit Publisher(const std::string& endpoint = "tcp://127.0.0.1:*") {
        socket_.set(zmq::sockopt::linger, 0);
        socket_.bind(endpoint);
    }
    [[nodiscard]] std::string endpoint() const { return socket_.get(zmq::sockopt::last_endpoint); }
    void send(const std::string& key, const std::string& content) {
        socket_.send(zmq::buffer(key), zmq::send_flags::sndmore);
        socket_.send(zmq::buffer(content), zmq::send_flags::none);
    }
    // What OpenNebula's own driver sent of this change: the same under two keys.
    void send_recorded(const std::string& state) {
        std::istringstream lines(test::opennebula_file("zmq_frames.jsonl"));
        int sent = 0;
        for (std::string line; std::getline(lines, line);) {
            const auto frames = nlohmann::json::parse(line).at("frames");
            const std::string key = frames.at(0);
            if (key.find("/" + state + "/0 ") == std::string::npos &&
                key.find("/" + state + " ") == std::string::npos)
                continue;
            send(key, frames.at(1));
            ++sent;
        }
        REQUIRE(sent == 2);
    }

  private:
    zmq::context_t context_{1};
    zmq::socket_t socket_{context_, zmq::socket_type::pub};
};

// What the agent logged: "VMStop resync".
class Log {
  public:
    Status take(std::string_view subject, const event::Event& event, std::string_view) {
        const std::lock_guard lock(mutex_);
        const std::string name(event::find_type(event.type)->name);
        lines_.push_back(std::string(subject) + " " + name + (event.is_resync ? " resync" : ""));
        return {};
    }
    // Whether this line comes within ten seconds; lines before it are gone then.
    bool comes(const std::string& line) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (std::chrono::steady_clock::now() < end) {
            {
                const std::lock_guard lock(mutex_);
                while (!lines_.empty()) {
                    const std::string next = lines_.front();
                    lines_.pop_front();
                    if (next == line) return true;
                }
            }
            std::this_thread::sleep_for(2ms);
        }
        return false;
    }
    std::size_t count(const std::string& line) {
        const std::lock_guard lock(mutex_);
        return static_cast<std::size_t>(std::count(lines_.begin(), lines_.end(), line));
    }

  private:
    std::mutex mutex_;
    std::deque<std::string> lines_;
};

struct Scene {
    std::unique_ptr<Agent> start(const std::string& endpoint, const std::string& file = {}) {
        AgentOptions options;
        options.events = endpoint;
        options.scope = "cloud1";
        options.host = "front";
        options.settle_time = settle_time;
        options.resync_interval = resync_interval;
        options.backoff_max = 400ms;
        auto subscriber = Subscriber::open(endpoint);
        auto machines = KnownMachines::open(env::posix_env(), file);
        REQUIRE((subscriber.ok() && machines.ok()));
        Cloud asked([this](const std::string& body) { return cloud.answer(body); },
                    "oneadmin:secret");
        return std::make_unique<Agent>(
            options,
            Agent::Parts{std::move(*subscriber), std::move(asked), std::move(*machines), {}},
            [this](auto subject, const auto& event, auto id) {
                return log.take(subject, event, id);
            },
            registry);
    }
    // Started, connected and synchronized.
    std::unique_ptr<Agent> start_synchronized() {
        auto agent = start(publisher.endpoint());
        REQUIRE(log.comes("host:/kvm1.example.org VMRunning resync"));
        return agent;
    }

    Publisher publisher;
    CloudDouble cloud;
    Log log;
    metrics::Registry registry;
    std::chrono::seconds resync_interval{0};
    std::chrono::milliseconds settle_time = 200ms;
};

std::string of_vm(const std::string& what) {
    return std::string(kUuid) + " " + what;
}

// What a look found is known when all of it has been logged.
bool comes_to_know(const Agent& agent, int machines) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (agent.status().at("machines") != machines) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

}  // namespace

TEST_CASE("what there is is looked at, what happens then follows") {
    Scene scene;
    scene.cloud.set(0, vm_xml("04-running"));
    const auto agent = scene.start(scene.publisher.endpoint());
    CHECK(scene.log.comes(of_vm("VMHost resync")));
    CHECK(scene.log.comes(of_vm("VMRunning")));  // that it ran since
    CHECK(scene.log.comes(of_vm("VMRunning resync")));
    REQUIRE(scene.log.comes("host:/kvm1.example.org VMRunning resync"));
    scene.publisher.send_recorded("SHUTDOWN");
    CHECK(scene.log.comes(of_vm("VMShutdown")));
    scene.publisher.send_recorded("EPILOG");
    CHECK(scene.log.comes(of_vm("VMShutdown")));
    scene.publisher.send_recorded("DONE/LCM_INIT");
    CHECK(scene.log.comes(of_vm("VMDone")));
    const auto status = agent->status();
    CHECK(status.at("messages") == 3);  // of six: each came under two keys
    CHECK(status.at("connected") == true);
    CHECK(status.at("failed") == 0);
    CHECK(scene.cloud.count("one.vm.info") == 0);  // nothing was missed
}

TEST_CASE("a change that does not follow from the last one is followed by a look") {
    Scene scene;
    scene.cloud.set(0, vm_xml("02-prolog"));
    const auto agent = scene.start_synchronized();
    scene.cloud.set(0, vm_xml("06-epilog"));
    scene.publisher.send_recorded("RUNNING");  // no BOOT before, no SHUTDOWN after
    CHECK(scene.log.comes(of_vm("VMRunning")));
    CHECK(scene.log.comes(of_vm("VMShutdown resync")));
    CHECK(scene.cloud.count("one.vm.info") == 1);
}

TEST_CASE("changes that come in another order are followed by one look") {
    Scene scene;
    scene.settle_time = 2s;  // longer than the changes take on a busy machine
    scene.cloud.set(0, vm_xml("01-pending"));
    const auto agent = scene.start_synchronized();
    scene.cloud.set(0, vm_xml("07-done"));
    for (const char* state : {"DONE/LCM_INIT", "PROLOG", "EPILOG", "BOOT", "RUNNING", "SHUTDOWN"})
        scene.publisher.send_recorded(state);
    CHECK(scene.log.comes(of_vm("VMDone")));
    CHECK(scene.log.comes(of_vm("VMRunning")));
    CHECK(scene.log.comes(of_vm("VMCreate")));  // of the look
    CHECK(scene.log.comes(of_vm("VMDone")));
    CHECK(scene.cloud.count("one.vm.info") == 1);
    CHECK(agent->status().at("machines") <= 1);
}

TEST_CASE("a machine that ended while the agent was away is asked for by its number") {
    char name[] = "/tmp/lb-one-agent-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    const std::string file = std::string(name) + "/machines";
    Scene scene;
    scene.cloud.set(0, vm_xml("04-running"));
    {
        const auto agent = scene.start(scene.publisher.endpoint(), file);
        REQUIRE(scene.log.comes(of_vm("VMRunning resync")));
    }
    scene.cloud.set(0, vm_xml("07-done"));
    const auto agent = scene.start(scene.publisher.endpoint(), file);
    CHECK(scene.log.comes(of_vm("VMDone")));
    CHECK(scene.log.comes("host:/kvm1.example.org VMRunning resync"));
    CHECK(comes_to_know(*agent, 0));
    std::filesystem::remove_all(name);
}

TEST_CASE("after a connection everything is looked at again") {
    Scene scene;
    scene.cloud.set(0, vm_xml("04-running"));
    auto publisher = std::make_unique<Publisher>();
    const std::string endpoint = publisher->endpoint();
    const auto agent = scene.start(endpoint);
    REQUIRE(scene.log.comes("host:/kvm1.example.org VMRunning resync"));
    publisher.reset();
    scene.cloud.set(0, vm_xml("08-boot_failure"));
    publisher = std::make_unique<Publisher>(endpoint);
    CHECK(scene.log.comes(of_vm("VMFail resync")));
    CHECK(scene.log.comes("host:/kvm1.example.org VMRunning resync"));
}

TEST_CASE("a comparison from time to time says what is different alone") {
    Scene scene;
    scene.resync_interval = 1s;
    scene.cloud.set(0, vm_xml("04-running"));
    scene.cloud.set(1, with_number(vm_xml("04-running"), 1));
    const auto agent = scene.start_synchronized();
    scene.cloud.set(0, vm_xml("08-boot_failure"));  // of which nobody was told
    CHECK(scene.log.comes(of_vm("VMFail resync")));
    const int pools = scene.cloud.count("one.vmpool.infoextended");
    while (scene.cloud.count("one.vmpool.infoextended") < pools + 2)
        std::this_thread::sleep_for(10ms);
    CHECK(agent->status().at("looks") == 4);  // two machines, a host, the one that changed
}

TEST_CASE("a cloud that does not answer is asked again; its events are logged meanwhile") {
    Scene scene;
    scene.cloud.set(0, vm_xml("04-running"));
    scene.cloud.set_answering(false);
    const auto agent = scene.start(scene.publisher.endpoint());
    while (scene.cloud.count("one.vmpool.infoextended") < 2) std::this_thread::sleep_for(10ms);
    scene.publisher.send_recorded("SHUTDOWN");
    CHECK(scene.log.comes(of_vm("VMShutdown")));
    scene.cloud.set_answering(true);
    CHECK(scene.log.comes(of_vm("VMRunning resync")));
}

TEST_CASE("a pool is read in pages") {
    Scene scene;
    const std::string xml = vm_xml("04-running");
    for (int id = 0; id < 2 * kPageVms + 50; ++id) scene.cloud.set(id, with_number(xml, id));
    const auto agent = scene.start_synchronized();
    CHECK(scene.cloud.count("one.vmpool.infoextended") == 3);
    CHECK(agent->status().at("looks") == 2 * kPageVms + 50 + 1);
}

TEST_CASE("what is not understood costs itself alone") {
    Scene scene;
    scene.cloud.set(0, vm_xml("04-running"));
    const auto agent = scene.start_synchronized();
    scene.publisher.send("EVENT STATE VM/ACTIVE/RUNNING/0 ", "%%%");
    scene.publisher.send("EVENT STATE VM/ACTIVE/RUNNING/0 ", "");
    scene.publisher.send("EVENT STATE VM/ACTIVE/RUNNING/0 ", to_base64url("<VM><ID>0</ID></VM>"));
    scene.publisher.send("EVENT API one.vm.info 1", "%%%");  // not subscribed to
    scene.publisher.send_recorded("SHUTDOWN");
    CHECK(scene.log.comes(of_vm("VMShutdown")));
    CHECK(scene.registry.exposition().find("lb_agent_opennebula_messages_not_understood_total 3") !=
          std::string::npos);
}
