#include "bkserver/book/lookout.h"

#include <algorithm>
#include <unordered_map>

#include "bkserver/book/sightings.h"

namespace lb::book {

namespace {

constexpr std::uint32_t kLooksPerTransaction = 256;
constexpr char kStale[] = "stale";

bool is_silent(const state::View& view, std::string_view host) {
    return std::find(view.stale.begin(), view.stale.end(), host) != view.stale.end();
}

std::int64_t silent_at_us(std::int64_t now_us) {
    state::ViewInput input;
    input.now_us = now_us;
    return input.silent_at_us();
}

// Of a machine that may still run: who cannot say so any more.
struct Silence {
    bool host = false;
    bool manager = false;
};

Silence silence_of(const store::Process& process, const state::Registers& registers,
                   const state::View& view) {
    if (process.vm_state == "done") return {};
    return {is_silent(view, process.host), is_silent(view, state::manager_host_of(registers))};
}

std::string names_of(const state::View& view, const Silence& silence) {
    std::vector<std::string> names;
    for (const state::Disagreement& one : view.disagreements) names.push_back(one.name);
    if (silence.host || silence.manager) names.emplace_back(kStale);
    std::sort(names.begin(), names.end());
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return text;
}

// Of a view that named nothing only the claims and heartbeats change it by themselves: loggers that
// turn are noticed where they are. But nobody finds the machines of a manager: those that miss it
// are looked at again until it is heard.
std::int64_t next_look(const state::View& view, const std::string& names, const Silence& silence,
                       std::int64_t again_us) {
    const std::int64_t idle = names.empty() ? store::Due::kNever : store::Due::kWhenItChanges;
    const std::int64_t next_us = view.next_due_us.value_or(idle);
    return silence.manager ? std::min(next_us, again_us) : next_us;
}

}  // namespace

Result<std::unique_ptr<Lookout>> Lookout::open(store::Database& database, std::uint32_t lane) {
    LB_TRY_ASSIGN(auto writer, database.open_writer(lane));
    LB_TRY_ASSIGN(auto reader, database.open_reader());
    return std::unique_ptr<Lookout>(new Lookout(std::move(writer), std::move(reader)));
}

LookoutCounters Lookout::counters() const {
    return {looks_, changes_, turned_, conflicts_};
}

Result<std::size_t> Lookout::look_once(std::int64_t now_us, bool knows_loggers) {
    if (knows_loggers) {
        const Status turned = turn_loggers(now_us);
        if (!turned.ok()) writer_->rollback();
        if (!turned.ok() && turned.error().code != ErrorCode::kConflict) return turned.error();
    }
    std::size_t looks = 0;
    for (;;) {
        const auto some = look_at_some(now_us);
        if (!some.ok()) {
            writer_->rollback();
            if (some.error().code != ErrorCode::kConflict) return some.error();
            ++conflicts_;
            return looks;  // the next turn finds what is left
        }
        looks += *some;
        if (*some < kLooksPerTransaction) return looks;
    }
}

Status Lookout::turn_loggers(std::int64_t now_us) {
    LB_TRY(writer_->begin());
    LB_TRY_ASSIGN(const auto hosts, writer_->take_turned_loggers(silent_at_us(now_us)));
    LB_TRY(writer_->put_due_on(hosts, now_us));
    LB_TRY(writer_->commit());
    turned_ += hosts.size();
    return {};
}

Result<std::size_t> Lookout::look_at_some(std::int64_t now_us) {
    LB_TRY(writer_->begin());
    LB_TRY_ASSIGN(const auto taken, writer_->take_due(now_us, kLooksPerTransaction));
    if (taken.empty()) {
        writer_->rollback();
        return std::size_t{0};
    }
    std::vector<store::ProcessNumber> numbers;
    for (const store::Due& one : taken) numbers.push_back(one.process);
    LB_TRY_ASSIGN(const auto processes, writer_->find_processes(numbers));
    LB_TRY_ASSIGN(const auto concerns, writer_->find_concerns(numbers));
    std::unordered_map<store::ProcessNumber, std::string> known;
    for (const store::Concern& concern : concerns) known[concern.process] = concern.names;
    Findings findings;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (processes[i] && processes[i]->merged_into == 0) {
            LB_TRY(look_at(*processes[i], known[numbers[i]], now_us, findings));
        } else {
            findings.due.push_back({numbers[i], store::Due::kNever});
            findings.concerns.push_back({.process = numbers[i]});
        }
    }
    LB_TRY(writer_->settle_due(findings.due));
    LB_TRY(writer_->put_concerns(findings.concerns));
    LB_TRY(writer_->add_changes(findings.changes));
    LB_TRY(writer_->commit());
    looks_ += taken.size();
    changes_ += findings.changes.size();
    return taken.size();
}

Status Lookout::look_at(const store::Process& process, const std::string& known,
                        std::int64_t now_us, Findings& findings) {
    const auto registers = state::Registers::decode(process.registers);
    if (!registers.ok()) {  // of a newer server, or damaged: another one looks, or rebuild repairs
        findings.due.push_back({process.number, store::Due::kWhenItChanges});
        return {};
    }
    LB_TRY_ASSIGN(const state::ViewInput input,
                  sightings_of(*reader_, process, *registers, now_us));
    const state::View view = state::view(*registers, input);
    const Silence silence = silence_of(process, *registers, view);
    const std::string names = names_of(view, silence);
    findings.due.push_back(
        {process.number, next_look(view, names, silence, now_us + input.silence_us())});
    if (names == known) return {};
    findings.concerns.push_back({process.number, names, now_us});
    findings.changes.push_back({.process = process.number,
                                .revision = process.revision,
                                .old_state = process.state,
                                .new_state = process.state,
                                .old_vm_state = process.vm_state,
                                .new_vm_state = process.vm_state,
                                .old_concerns = known,
                                .new_concerns = names,
                                .changed_us = now_us});
    return {};
}

}  // namespace lb::book
