#include "tests/property/state_lives.h"

#include <random>

#include "common/event/event_id.h"

namespace lb::test {
namespace {

using E = event::EventType;
using event::Source;

constexpr std::int64_t kStart = 1'700'000'000'000'000;

class Author {
  public:
    Author(unsigned seed, const LifeShape& shape) : random_(seed), shape_(shape), seed_(seed) {}

    std::vector<LifeEvent> write() {
        std::vector<LifeEvent> life;
        for (std::size_t i = 0; i < shape_.events; ++i) life.push_back(next());
        const std::size_t registrations = below(10) == 0 ? 2 : 1;
        for (std::size_t i = 0; i < registrations; ++i) life.push_back(wrap(registration()));
        return life;
    }

  private:
    std::size_t below(std::size_t limit) { return random_() % limit; }
    bool one_in(std::size_t n) { return below(n) == 0; }
    template <typename T, std::size_t N>
    T pick(const T (&list)[N]) {
        return list[below(N)];
    }
    std::string host() { return "node" + std::to_string(below(shape_.hosts)) + ".example.org"; }
    std::string name() { return "Name" + std::to_string(below(shape_.names)); }

    event::Event blank(E type) {
        event::Event event;
        event.type = static_cast<std::uint16_t>(type);
        clock_us_ += static_cast<std::int64_t>(below(4'000'000));
        event.time_us = kStart + clock_us_;
        return event;
    }

    event::Event registration() {
        event::Event event = blank(E::kRegJob);
        event.time_us = kStart + static_cast<std::int64_t>(below(100'000'000));
        event.source = Source::kUserInterface;
        event.user = "/CN=" + name();
        event.set_text("jobtype", shape_.jobtype);
        return event;
    }

    event::Event of_host() {
        constexpr E kTypes[] = {E::kVMBoot,    E::kVMRunning,  E::kVMRunning,  E::kVMHost,
                                E::kVMStop,    E::kVMStop,     E::kVMSuspend,  E::kVMMigrate,
                                E::kVMMigrate, E::kVMFail,     E::kVMResume,   E::kVMReboot,
                                E::kVMDone,    E::kVMShutdown, E::kVMUndefine, E::kVMUnknown};
        event::Event event = blank(pick(kTypes));
        event.source = Source::kVmManager;
        event.host = host();
        event.is_resync = one_in(5);
        return event;
    }

    event::Event of_manager() {
        constexpr E kTypes[] = {E::kVMRunning, E::kVMRunning, E::kVMHost,     E::kVMStop,
                                E::kVMResume,  E::kVMBoot,    E::kVMCreate,   E::kVMSuspend,
                                E::kVMMigrate, E::kVMFail,    E::kVMShutdown, E::kVMImage};
        event::Event event = blank(one_in(60) ? E::kVMDone : pick(kTypes));
        event.source = one_in(8) ? Source::kUserInterface : Source::kCloudManager;
        event.host = "one.example.org";
        event.is_resync = one_in(8);
        return event;
    }

    event::Event of_guest() {
        constexpr E kTypes[] = {E::kVMRunning, E::kVMRunning, E::kVMShutdown, E::kVMReboot,
                                E::kVMNetwork, E::kVMStop,    E::kVMBoot};
        event::Event event = blank(pick(kTypes));
        event.source = Source::kVmSystem;
        event.host = "vm1.example.org";
        event.time_us += static_cast<std::int64_t>(below(10'000'000)) - 5'000'000;
        return event;
    }

    event::Event of_anybody() {
        constexpr E kTypes[] = {E::kUserTag,     E::kConnectJob,   E::kDisconnectJob, E::kVMNetwork,
                                E::kClusterJoin, E::kClusterLeave, E::kVMImage,       E::kRunning,
                                E::kChangeACL,   E::kChangeACL};
        event::Event event = blank(pick(kTypes));
        event.source = static_cast<Source>(below(20));
        event.host = host();
        return event;
    }

    // Every field that the type has, now and then.
    void fill(event::Event& event) {
        const event::TypeInfo* type = event::find_type(event.type);
        for (const event::FieldInfo& field : type->fields) {
            const bool is_host = field.name == "hostname" || field.name == "to_host";
            if (!field.is_required && !(is_host ? one_in(2) : one_in(3))) continue;
            if (field.kind == event::FieldKind::kEnum)
                event.set_text(field.name,
                               std::string(field.values[below(field.values.size())].name));
            else if (is_host)
                event.set_text(field.name, one_in(6) ? "node0" : host());
            else if (field.name == "reason")
                event.set_text(field.name, pick(kReasons));
            else
                event.set_text(field.name, name());
        }
    }

    LifeEvent next() {
        event::Event event;
        switch (below(6)) {
            case 0:
            case 1:
            case 2:
                event = of_host();
                break;
            case 3:
                event = of_manager();
                break;
            case 4:
                event = of_guest();
                break;
            default:
                event = of_anybody();
        }
        fill(event);
        return wrap(std::move(event));
    }

    LifeEvent wrap(event::Event event) {
        LifeEvent life;
        const std::size_t origin = below(4);
        life.origin = event::event_id_of_text("origin" + std::to_string(origin));
        life.counter = ++counters_[origin];
        // Clocks of the future: the order time is bounded by the acceptance.
        life.accepted_at_us = event.time_us + static_cast<std::int64_t>(below(2'000'000));
        if (one_in(20)) event.time_us += 3'600'000'000;
        life.event = std::move(event);
        life.event_id =
            event::event_id_of_text(std::to_string(seed_) + "/" + std::to_string(++made_));
        return life;
    }

    static constexpr const char* kReasons[] = {"shutdown", "destroyed", "crashed", "migrated",
                                               "saved",    "failed",    "unknown"};
    std::mt19937 random_;
    const LifeShape& shape_;
    unsigned seed_;
    std::int64_t clock_us_ = 0;
    std::uint64_t counters_[4] = {};
    std::size_t made_ = 0;
};

}  // namespace

std::vector<LifeEvent> random_life(unsigned seed, const LifeShape& shape) {
    return Author(seed, shape).write();
}

state::Registers fold(const std::vector<LifeEvent>& events) {
    state::Registers registers = state::fresh(0);
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (state::apply(registers, events[i].event, events[i].arrival()) !=
            state::Outcome::kTypeChanged)
            continue;
        for (std::size_t earlier = 0; earlier < i; ++earlier)
            state::apply(registers, events[earlier].event, events[earlier].arrival());
    }
    return registers;
}

}  // namespace lb::test
