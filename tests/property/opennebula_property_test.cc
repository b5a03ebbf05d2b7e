// OpenNebula publishes changes out of order and loses them while nobody listens: the state that
// comes out must not depend on it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>

#include "bkserver/cli/replay.h"
#include "common/event/event_id.h"
#include "logd/opennebula/hook_call.h"
#include "logd/opennebula/reports.h"
#include "tests/support/opennebula_messages.h"

using namespace lb;

namespace {

constexpr char kMachine[] = "libvirt-uuid:/6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01";
constexpr int kOrders = 100;
constexpr int kOrdersWithLosses = 1000;
constexpr std::int64_t kSeen = 1'569'244'310'000'000;  // after all that the messages tell

struct Life {
    std::vector<std::string> messages;  // in the order in which they happened
    std::string vm_state;
    std::string host;
    std::string done_code = {};
};

// Told whole, these need no resynchronisation: of what happened the messages name the times, but
// that of a shutdown or a failure, which comes last or before an end.
const Life kLives[] = {
    {{"01-pending"}, "pending", ""},
    {{"01-pending", "02-prolog", "03-boot"}, "boot", "kvm1.example.org"},
    {{"01-pending", "02-prolog", "03-boot", "04-running"}, "running", "kvm1.example.org"},
    {{"01-pending", "02-prolog", "03-boot", "08-boot_failure"},
     "failure",
     "kvm1.example.org",
     "FAILED"},
    {{"01-pending", "02-prolog", "03-boot", "04-running", "05-shutdown"},
     "shutdown",
     "kvm1.example.org"},
    {{"01-pending", "02-prolog", "03-boot", "04-running", "05-shutdown", "06-epilog", "07-done"},
     "done",
     "kvm1.example.org",
     "OK"},
};

// These came back from a failure: nobody says when. Only a look tells what is now.
const Life kMendedLives[] = {
    {{"01-pending", "02-prolog", "03-boot", "08-boot_failure", "03-boot"},
     "boot",
     "kvm1.example.org"},
    {{"01-pending", "02-prolog", "03-boot", "08-boot_failure", "04-running"},
     "running",
     "kvm1.example.org"},
    {{"01-pending", "02-prolog", "03-boot", "08-boot_failure", "04-running", "05-shutdown",
      "06-epilog", "07-done"},
     "done",
     "kvm1.example.org",
     "OK"},
};

std::vector<Life> lives_with_losses() {
    std::vector<Life> lives(std::begin(kLives), std::end(kLives));
    lives.insert(lives.end(), std::begin(kMendedLives), std::end(kMendedLives));
    return lives;
}

std::vector<opennebula::VmDocument> documents_of(const Life& life) {
    std::vector<opennebula::VmDocument> documents;
    for (const std::string& message : life.messages)
        documents.push_back(test::opennebula_vm(message));
    return documents;
}

std::vector<opennebula::VmDocument> recorded_frames() {
    std::istringstream lines(test::opennebula_file("zmq_frames.jsonl"));
    std::vector<opennebula::VmDocument> documents;
    for (std::string line; std::getline(lines, line);) {
        const auto sent = nlohmann::json::parse(line).at("frames");
        const std::vector<std::string> words = {sent.at(1).get<std::string>()};
        const auto call = opennebula::parse_call(words);
        REQUIRE(call.ok());
        documents.push_back(call->documents.vms.at(0));
    }
    return documents;
}

// Those that tell what happened in this life.
std::vector<opennebula::VmDocument> recorded_frames_of(const Life& life) {
    std::set<std::pair<int, int>> states;
    for (const auto& vm : documents_of(life)) states.emplace(vm.state, vm.lcm_state);
    auto documents = recorded_frames();
    std::erase_if(documents, [&](const auto& vm) {
        return !states.contains({vm.state, vm.lcm_state});
    });
    REQUIRE(documents.size() == 2 * states.size());
    return documents;
}

class Seer {
  public:
    // What an observer logs who is told of the machine next.
    void see(const opennebula::VmDocument& vm, bool is_resync) {
        seen_us_ += 1000;
        const opennebula::Sight sight{"cloud1", "front.example.org", seen_us_, is_resync};
        for (auto& report : opennebula::reports_of(vm, sight)) {
            cli::ReplayEvent event;
            event.subject = report.subject;
            event.event_id = report.event_id.empty() ? event::new_event_id() : report.event_id;
            event.event = std::move(report.event);
            replay_.add(event);
        }
    }
    [[nodiscard]] state::ProcessStatus status() const { return replay_.status(kMachine); }

  private:
    std::int64_t seen_us_ = kSeen;
    cli::Replay replay_;
};

void check_end(const Seer& seer, const Life& life) {
    const state::ProcessStatus status = seer.status();
    REQUIRE(status.vm_state == life.vm_state);
    REQUIRE(status.done_code == life.done_code);
    REQUIRE(status.host == life.host);
}

}  // namespace

TEST_CASE("a life that is told whole ends alike in every order") {
    std::mt19937 random(1);
    for (const Life& life : kLives) {
        auto documents = documents_of(life);
        for (int order = 0; order < kOrders; ++order) {
            Seer seer;
            for (const auto& document : documents) seer.see(document, false);
            INFO(life.messages.back() << ", order " << order);
            check_end(seer, life);
            std::shuffle(documents.begin(), documents.end(), random);
        }
    }
}

TEST_CASE("the frames as OpenNebula's driver sent them tell the life, each change twice") {
    const auto documents = recorded_frames();
    Seer seer;
    for (const auto& document : documents) seer.see(document, false);
    CHECK(documents.size() == 16);
    CHECK(seer.status().vm_state == "done");
    CHECK(seer.status().done_code == "OK");
    CHECK(seer.status().host == "kvm1.example.org");
}

TEST_CASE("the recorded frames in any order, some lost, end alike after a resynchronisation") {
    std::mt19937 random(3);
    for (const Life& life : lives_with_losses()) {
        auto documents = recorded_frames_of(life);
        const auto now = test::opennebula_vm(life.messages.back());
        for (int order = 0; order < kOrdersWithLosses; ++order) {
            std::shuffle(documents.begin(), documents.end(), random);
            Seer seer;
            for (const auto& document : documents)
                if (random() % 3 != 0) seer.see(document, false);
            seer.see(now, true);
            INFO(life.messages.back() << ", order " << order);
            check_end(seer, life);
        }
    }
}

TEST_CASE("a life with losses and repetitions ends alike after a resynchronisation") {
    std::mt19937 random(2);
    for (const Life& life : lives_with_losses()) {
        auto documents = documents_of(life);
        const auto now = documents.back();
        for (int order = 0; order < kOrdersWithLosses; ++order) {
            std::shuffle(documents.begin(), documents.end(), random);
            Seer seer;
            for (const auto& document : documents)
                for (auto times = random() % 3; times > 0; --times) seer.see(document, false);
            seer.see(now, true);
            INFO(life.messages.back() << ", order " << order);
            check_end(seer, life);
        }
    }
}
