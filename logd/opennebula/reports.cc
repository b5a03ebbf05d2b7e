#include "logd/opennebula/reports.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "common/base/ascii.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/process_id.h"
#include "logd/opennebula/states.h"

namespace lb::opennebula {

namespace {

using event::EventType;

constexpr std::int64_t kSecond = 1'000'000;

// The order of what happens within one second: the beginning of it for begins, its end for ends.
enum Place : std::int64_t {
    kCreated = 0,
    kAsked = 1,
    kPrepared = 2,
    kBooted = 3,
    kRan = 4,
    kStopped = 999'000,
    kMoved = 999'001,
    kCleaned = 999'002,
    kEnded = 999'003,
};

struct Field {
    std::string_view name;
    std::string text;
};

// A time that the history names, or none.
struct Named {
    std::int64_t seconds = 0;
    Place place = kCreated;
};

class Reporter {
  public:
    Reporter(std::string subject, std::string origin, std::string state, const Sight& sight)
        : subject_(std::move(subject)),
          origin_(std::move(origin)),
          state_(std::move(state)),
          sight_(sight) {}

    // At a time that is named, under an id derived from it and `what`.
    void report_named(EventType type, Named time, std::string_view what,
                      std::initializer_list<Field> fields) {
        const std::int64_t time_us = time.seconds * kSecond + time.place;
        std::string id =
            event::event_id_of_source(origin_, std::string(what) + "/" + std::to_string(time_us));
        add(type, time_us, std::move(id), false, fields);
    }
    // At the time it was seen.
    void report_seen(EventType type, std::initializer_list<Field> fields) {
        add(type, sight_.seen_us, {}, sight_.is_resync, fields);
    }
    // As its time allows; a resynchronisation says both.
    void report(EventType type, Named time, std::string_view what,
                std::initializer_list<Field> fields) {
        if (time.seconds > 0) report_named(type, time, what, fields);
        if (time.seconds == 0 || sight_.is_resync) report_seen(type, fields);
    }

    std::vector<Report> take() { return std::move(reports_); }

  private:
    void add(EventType type, std::int64_t time_us, std::string id, bool is_look,
             std::initializer_list<Field> fields) {
        Report report{subject_, std::move(id), {}};
        report.event.type = static_cast<std::uint16_t>(type);
        report.event.source = event::Source::kCloudManager;
        report.event.host = sight_.host;
        report.event.time_us = time_us;
        report.event.is_resync = is_look;
        report.event.attributes["one_state"] = state_;
        for (const Field& field : fields)
            if (!field.text.empty()) report.event.set_text(field.name, field.text);
        reports_.push_back(std::move(report));
    }

    const std::string subject_;
    const std::string origin_;
    const std::string state_;
    const Sight& sight_;
    std::vector<Report> reports_;
};

// Actions of HISTORY/ACTION that end a machine without asking its system.
constexpr std::array kDeletions = {13 /* delete */, 28 /* terminate-hard */, 42 /* recover */};
constexpr int kTerminate = 27;
constexpr int kPoweroffHard = 20;
constexpr std::string_view kMigrate = "MIGRATE";

std::string key_of(const VmDocument& vm, const Sight& sight) {
    return "one-vmid:" + sight.scope + "/" + std::to_string(vm.id);
}

std::string subject_of(const VmDocument& vm, const Sight& sight) {
    const auto key = event::Key::parse("libvirt-uuid:/" + vm.uuid);
    return key.ok() ? key->to_string() : key_of(vm, sight);
}

std::string name_of(int state, int lcm_state) {
    const StateRow* const row = find_state(vm_states(), state);
    const StateRow* const lcm_row = find_state(lcm_states(), lcm_state);
    std::string name = row != nullptr ? std::string(row->name) : std::to_string(state);
    if (state != kActive) return name;
    return name + "/" +
           (lcm_row != nullptr ? std::string(lcm_row->name) : std::to_string(lcm_state));
}

// One machine, between the state it was in and the state it is in.
class Change {
  public:
    Change(const VmDocument& vm, const Sight& sight)
        : vm_(vm),
          sight_(sight),
          row_(find_vm_state(vm.state, vm.lcm_state)),
          previous_(find_vm_state(vm.previous_state, vm.previous_lcm_state)),
          stay_(vm.stay ? *vm.stay : Stay{}),
          reporter_(subject_of(vm, sight), "opennebula/" + key_of(vm, sight),
                    name_of(vm.state, vm.lcm_state), sight) {}

    std::vector<Report> reports() {
        const Phase now = row_ == nullptr ? Phase::kUnknown : row_->phase;
        const bool is_first =
            now == Phase::kPending || (now == Phase::kBoot && stay_.sequence == 0);
        if (is_first || sight_.is_resync) describe();
        switch (now) {
            case Phase::kPending:
                ask();
                break;
            case Phase::kBoot:
                boot();
                break;
            case Phase::kRunning:
                run();
                break;
            case Phase::kShutdown:
                shut_down();
                break;
            case Phase::kStopped:
                stop();
                break;
            case Phase::kDone:
                end();
                break;
            case Phase::kFailure:
                reporter_.report_seen(EventType::kVMFail, {{"reason", word()}});
                break;
            case Phase::kUnknown:
                reporter_.report_seen(EventType::kVMUnknown, {{"reason", word()}});
                break;
        }
        return reporter_.take();
    }

  private:
    [[nodiscard]] Phase was() const {
        return previous_ == nullptr ? Phase::kUnknown : previous_->phase;
    }
    // "boot_failure".
    [[nodiscard]] std::string word() const {
        return row_ == nullptr ? "unknown state " + name_of(vm_.state, vm_.lcm_state)
                               : lower_case(row_->name);
    }
    // A time that the history names is that of this change, unless the machine comes back from
    // where the history writes nothing.
    [[nodiscard]] Named named(std::int64_t seconds, Place place) const {
        const bool is_way_back = was() == Phase::kFailure || was() == Phase::kUnknown;
        return {is_way_back ? 0 : seconds, place};
    }
    [[nodiscard]] std::string what(std::string_view event) const {
        return std::string(event) + "/" + std::to_string(stay_.sequence);
    }

    // Who it is, and by which keys others know it.
    void describe() {
        const std::string key = key_of(vm_, sight_);
        if (subject_of(vm_, sight_) != key)
            reporter_.report_named(EventType::kBind, {vm_.begin, kCreated}, "bind", {{"key", key}});
        const std::string size = "CPU=" + vm_.cpu + " MEMORY=" + vm_.memory;
        reporter_.report_named(EventType::kVMCreate, {vm_.begin, kCreated}, "create",
                               {{"require", size},
                                {"id", std::to_string(vm_.id)},
                                {"name", vm_.name},
                                {"owner", vm_.user},
                                {"hostname", vm_.name},
                                {"manager", "opennebula"},
                                {"image", vm_.image}});
        if (sight_.is_resync && vm_.state == kActive && !stay_.hostname.empty())
            reporter_.report_seen(EventType::kVMHost, {{"hostname", stay_.hostname}});
    }

    void ask() {
        const bool is_new = was() == Phase::kPending;
        reporter_.report(EventType::kVMResume, {is_new ? vm_.begin : 0, kAsked}, "ask", {});
    }

    void boot() {
        const bool is_prepared = row_->name.starts_with("PROLOG");
        const std::int64_t begun = is_prepared ? stay_.prolog_begin
                                   : stay_.run_end > 0
                                       ? 0  // of a run before this one
                                       : std::max(stay_.prolog_end, stay_.run_begin);
        reporter_.report(EventType::kVMBoot, named(begun, is_prepared ? kPrepared : kBooted),
                         what(is_prepared ? "prolog" : "boot"),
                         {{"hostname", stay_.hostname}, {"reason", word()}});
    }

    void run() {
        if (row_->name == kMigrate) {
            reporter_.report_seen(EventType::kVMMigrate, {{"phase", "START"},
                                                          {"from_host", vm_.previous_host},
                                                          {"to_host", stay_.hostname}});
            return;
        }
        const bool is_on = was() == Phase::kBoot || was() == Phase::kRunning;
        // OpenNebula begins no new run for a boot out of UNKNOWN or one tried again.
        const bool is_new_run = is_on && stay_.run_end == 0 && previous_->name != "BOOT_UNKNOWN";
        const std::int64_t begun = is_new_run ? stay_.run_begin : 0;
        if (previous_ != nullptr && previous_->name == kMigrate && !sight_.is_resync)
            reporter_.report(
                EventType::kVMMigrate, {begun, kMoved}, what("moved"),
                {{"phase", "OK"}, {"from_host", vm_.previous_host}, {"to_host", stay_.hostname}});
        reporter_.report(EventType::kVMRunning, {begun, kRan}, what("run"),
                         {{"hostname", stay_.hostname}});
        for (const Nic& nic : vm_.nics) report_address(nic, begun);
    }

    void report_address(const Nic& nic, std::int64_t begun) {
        if (nic.ip.empty() && nic.mac.empty()) return;
        reporter_.report_named(EventType::kVMNetwork, {begun > 0 ? begun : vm_.begin, kRan},
                               "address/" + nic.ip + "/" + nic.mac,
                               {{"operation", "ADD"}, {"ip", nic.ip}, {"mac", nic.mac}});
    }

    void shut_down() {
        const bool is_cleaned = row_->name.starts_with("EPILOG");
        reporter_.report(EventType::kVMShutdown,
                         named(is_cleaned ? stay_.epilog_begin : 0, kCleaned), what("epilog"),
                         {{"hostname", stay_.hostname}, {"reason", word()}});
    }

    void stop() {
        const bool is_saved = row_->name == "STOPPED" || row_->name == "SUSPENDED";
        const std::string reason = is_saved                        ? "saved"
                                   : stay_.action == kPoweroffHard ? "destroyed"
                                   : was() == Phase::kShutdown     ? "shutdown"
                                                                   : "unknown";
        const std::int64_t stopped = std::max(stay_.run_end, stay_.epilog_end);
        reporter_.report(EventType::kVMStop, named(stopped, kStopped), what("stop"),
                         {{"hostname", stay_.hostname}, {"reason", reason}});
    }

    void end() {
        const bool is_deleted =
            std::find(kDeletions.begin(), kDeletions.end(), stay_.action) != kDeletions.end();
        const bool is_in_order =
            stay_.action == kTerminate || (previous_ != nullptr && previous_->name == "EPILOG");
        const char* const code = is_deleted || !is_in_order ? "DELETE" : "OK";
        if (vm_.end > 0)
            reporter_.report_named(EventType::kVMDone, {vm_.end, kEnded}, "end",
                                   {{"status_code", code}, {"hostname", stay_.hostname}});
        else
            reporter_.report_seen(EventType::kVMDone,
                                  {{"status_code", code}, {"hostname", stay_.hostname}});
    }

    const VmDocument& vm_;
    const Sight& sight_;
    const StateRow* const row_;
    const StateRow* const previous_;
    const Stay stay_;
    Reporter reporter_;
};

}  // namespace

std::vector<Report> reports_of(const VmDocument& vm, const Sight& sight) {
    return Change(vm, sight).reports();
}

std::vector<Report> reports_of(const HostDocument& host, const Sight& sight) {
    const StateRow* const row = find_state(host_states(), host.state);
    const std::string word =
        row == nullptr ? "unknown state " + std::to_string(host.state) : lower_case(row->name);
    Reporter reporter("host:/" + lower_case(host.name), "", word, sight);
    const Field name{"hostname", host.name};
    switch (row == nullptr ? Phase::kUnknown : row->phase) {
        case Phase::kBoot:
        case Phase::kPending:
            reporter.report_seen(EventType::kVMBoot, {name, {"reason", word}});
            break;
        case Phase::kRunning:
            reporter.report_seen(EventType::kVMRunning, {name});
            break;
        case Phase::kFailure:
            reporter.report_seen(EventType::kVMFail, {name, {"reason", word}});
            break;
        case Phase::kShutdown:
        case Phase::kStopped:
        case Phase::kDone:
            reporter.report_seen(EventType::kVMStop, {name, {"reason", "unknown"}});
            break;
        case Phase::kUnknown:
            reporter.report_seen(EventType::kVMUnknown, {name, {"reason", word}});
            break;
    }
    return reporter.take();
}

}  // namespace lb::opennebula
