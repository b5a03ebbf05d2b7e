#include "bkserver/state/grid_state.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bkserver/state/attempt.h"
#include "bkserver/state/grid_roles.h"
#include "bkserver/state/shapes.h"
#include "common/event/seqcode.h"

namespace lb::state::grid {
namespace {
using event::GridCounters;

constexpr std::size_t kPlaceText = 2;  // of the kept texts

constexpr std::size_t kBranch = 2;  // the WM counter: which attempt a code belongs to

// UI and NS: a greater pair is a new life after a resubmission by hand.
bool is_later_life(const GridCounters& code, const GridCounters& than) {
    return std::pair(code[0], code[1]) > std::pair(than[0], than[1]);
}

// What an attempt was given to.
struct Branch {
    std::string destination;
    std::string ce_node;
    std::string matched_jdl;
};

class Fold {
  public:
    Fold(const Machine& machine, const Registers& registers)
        : machine_(machine),
          reported_node_(claim_of_register(registers, "cream_node")),
          reported_failure_(claim_of_register(registers, "cream_failure_reason")) {}

    void take(const TrackClaim& claim);
    void show(Draft& draft) const;
    [[nodiscard]] const TrackClaim* decider(std::string_view attribute) const {
        const auto at = deciders_.find(attribute);
        return at == deciders_.end() ? nullptr : at->second;
    }

  private:
    enum class Standing : std::uint8_t { kOpen, kGood, kBad, kOld };

    // The claim at hand.
    struct Now {
        const TrackClaim& claim;
        const TrackRow* row;
        std::uint32_t role;
        GridCounters code;
        Standing standing = Standing::kOpen;
        bool is_late = false;

        [[nodiscard]] bool has(std::uint32_t bit) const { return (role & bit) != 0; }
        [[nodiscard]] bool is_usable() const {
            return standing != Standing::kBad && standing != Standing::kOld;
        }
        [[nodiscard]] std::string_view text(std::size_t index) const {
            return index < claim.texts.size() ? std::string_view(claim.texts[index])
                                              : std::string_view();
        }
    };

    void take_reports(const Now& now);
    void judge(Now& now);
    void judge_weak(Now& now);
    void take_branch_data(const Now& now);
    void take_jdl(const Now& now);
    void take_failure(const Now& now);
    void reset(const Now& now);
    void take_really_running(const Now& now);
    void copy_winner(const Now& now);
    void move(const Now& now);
    void take_flags(const Now& now);
    void take_reason(const Now& now);
    void take_place(const Now& now);
    void enter(MainState state, const Now& now);
    void set(std::string_view attribute, std::string& place, std::string_view text,
             const Now& now) {
        if (text.empty()) return;
        place = text;
        deciders_[attribute] = &now.claim;
    }
    void set_flag(std::string_view attribute, bool& place, bool value, const Now& now) {
        place = value;
        deciders_[attribute] = &now.claim;
    }
    void set_wrapper(std::string_view word, const Now& now) {
        set("jw_status", jw_status_, word, now);
    }

    const Machine& machine_;
    // What a CREAM computing element reports counts from its place in the order on, late or not.
    const Claim* reported_node_;
    const Claim* reported_failure_;
    bool is_registered_ = false;
    MainState state_ = MainState::kSubmitted;
    Course course_;
    std::optional<GridCounters> tag_, last_branch_, deep_;
    GridCounters last_code_{};
    std::string destination_, ce_node_, matched_jdl_, reason_, location_, suspend_reason_,
        cream_state_;
    std::string failure_reasons_;
    std::string jw_status_ = "UNKNOWN";
    bool payload_running_ = false, suspended_ = false, cancelling_ = false, resubmitted_ = false,
         remove_from_proxy_ = false;
    std::vector<std::string> destinations_, nodes_;
    std::map<std::uint32_t, Branch> branches_;
    std::map<std::string_view, const TrackClaim*> deciders_;
};

void append_once(std::vector<std::string>& list, std::string_view text) {
    if (std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

void Fold::take(const TrackClaim& claim) {
    const TrackRow* row = find_row(machine_.track, claim.row);
    Now now{claim, row, row == nullptr ? kStill : row->role, code_of(claim.key)};
    if (now.has(kRegister) && is_registered_) return;
    is_registered_ = is_registered_ || now.has(kRegister);
    if (!now.has(kCancel) && is_later_life(now.code, last_code_)) {
        tag_.reset();
        deep_.reset();
        last_branch_.reset();
    }
    take_reports(now);
    judge(now);
    take_branch_data(now);
    take_failure(now);
    if (now.has(kDeep) && (now.has(kForce) || !now.has(kProxy) || !now.is_late)) reset(now);
    if (now.has(kReally)) {
        if (now.standing == Standing::kBad) return;
        if (now.standing != Standing::kOld) take_really_running(now);
    }
    if (!now.is_late && !now.has(kStill)) move(now);
}

// The newest report of a failure replaces those before it, as the original's does.
void Fold::take_reports(const Now& now) {
    if (reported_node_ != nullptr && now.claim.key >= reported_node_->key) {
        set("ce_node", ce_node_, reported_node_->value, now);
        reported_node_ = nullptr;
    }
    if (reported_failure_ != nullptr && now.claim.key >= reported_failure_->key) {
        set("failure_reasons", failure_reasons_, reported_failure_->value, now);
        reported_failure_ = nullptr;
    }
}

// Late: what it says of the state does not count any more.
void Fold::judge(Now& now) {
    now.is_late = state_ == MainState::kAborted || state_ == MainState::kCancelled ||
                  state_ == MainState::kCleared;
    if (deep_ && now.code[kBranch] < (*deep_)[kBranch]) {
        now.standing = Standing::kOld;
        now.is_late = true;
    } else if (tag_) {
        const bool is_same = now.code[kBranch] == (*tag_)[kBranch];
        now.standing = is_same ? Standing::kGood : Standing::kBad;
        now.is_late = now.is_late || !is_same;
    }
    if (last_branch_ && now.code < *last_branch_) now.is_late = true;
    judge_weak(now);
    if (now.has(kForce)) now.is_late = false;
}

void Fold::judge_weak(Now& now) {
    if (!now.has(kWeak) || (state_ != MainState::kRunning && state_ != MainState::kDone)) return;
    now.is_late = true;
    if (now.has(kSched)) course_.note(MainState::kScheduled, now.claim.time_us);
}

// Where the attempt went counts even when it is reported late.
void Fold::take_branch_data(const Now& now) {
    if (now.has(kJdl)) take_jdl(now);
    const std::string_view text = now.text(0);
    if (text.empty() || !(now.has(kMatch) || now.has(kRun))) return;
    Branch& branch = branches_[now.code[kBranch]];
    if (now.has(kMatch)) {
        if (now.is_usable()) set("destination", destination_, text, now);
        branch.destination = text;
        append_once(destinations_, text);
        deciders_["possible_destinations"] = &now.claim;
    } else {
        if (now.is_usable()) set("ce_node", ce_node_, text, now);
        branch.ce_node = text;
        append_once(nodes_, text);
        deciders_["possible_ce_nodes"] = &now.claim;
    }
}

void Fold::take_jdl(const Now& now) {
    const std::string_view jdl = now.text(now.has(kReason) ? 1 : 0);
    set("matched_jdl", matched_jdl_, jdl, now);
    if (!jdl.empty() && !now.has(kNoBranch)) branches_[now.code[kBranch]].matched_jdl = jdl;
}

void Fold::take_failure(const Now& now) {
    if (!now.has(kFailed)) return;
    if (!failure_reasons_.empty()) failure_reasons_ += '\n';
    failure_reasons_ += now.text(0);
    failure_reasons_ += " [";
    failure_reasons_ +=
        now.is_late ? std::string_view("delayed event, destination unreliable") : destination_;
    failure_reasons_ += "]";
    deciders_["failure_reasons"] = &now.claim;
}

void Fold::reset(const Now& now) {
    destinations_.clear();
    nodes_.clear();
    branches_.clear();
    set_flag("payload_running", payload_running_, false, now);
    tag_.reset();
    deep_ = now.code;
}

void Fold::take_really_running(const Now& now) {
    if (now.claim.source == event::Source::kLrms) {
        tag_ = now.code;
        if (!now.is_late) {
            last_branch_ = now.code;
            enter(MainState::kRunning, now);
        }
    } else {
        const GridCounters named = event::parse_grid_code(now.text(0)).value_or(GridCounters{});
        if (!tag_) tag_ = named;
        if (!last_branch_ && !now.is_late) {
            last_branch_ = named;
            enter(MainState::kRunning, now);
        }
    }
    set_flag("payload_running", payload_running_, true, now);
    set_wrapper("PAYLOAD_RUNNING", now);
    copy_winner(now);
}

// The parts of an attempt carry codes of their own: matched, handed over, run. The winner's last
// three are the winner's data; of an unknown one the two newest.
void Fold::copy_winner(const Now& now) {
    const auto own = branches_.find((*tag_)[kBranch]);
    auto end = branches_.end();
    if (own != branches_.end()) end = std::next(own);
    auto begin = end;
    for (int i = own == branches_.end() ? 2 : 3; i > 0 && begin != branches_.begin(); --i) --begin;
    for (auto at = begin; at != end; ++at) {
        set("destination", destination_, at->second.destination, now);
        set("ce_node", ce_node_, at->second.ce_node, now);
        set("matched_jdl", matched_jdl_, at->second.matched_jdl, now);
    }
}

void Fold::enter(MainState state, const Now& now) {
    course_.enter(state, now.claim.time_us, now.has(kFailed));
    if (state == state_ && deciders_.contains("state")) return;
    if (state_ == MainState::kRunning && state != state_) {
        suspended_ = false;
        suspend_reason_.clear();
    }
    const bool is_before_running = state == MainState::kWaiting || state == MainState::kReady ||
                                   state == MainState::kScheduled;
    if (is_before_running) set_wrapper("UNKNOWN", now);
    state_ = state;
    for (const std::string_view name : {"state", "stateEnterTime", "stateEnterTimes"})
        deciders_[name] = &now.claim;
}

void Fold::move(const Now& now) {
    course_.update(now.claim.time_us);
    deciders_["lastUpdateTime"] = &now.claim;
    if (now.row != nullptr) {
        if (now.row->to != MainState::kUndefined && !now.has(kReally)) enter(now.row->to, now);
        set("cream_state", cream_state_, now.row->phase, now);
    }
    take_flags(now);
    take_reason(now);
    take_place(now);
    if (!now.has(kCancel)) last_code_ = now.code;
    if (now.standing == Standing::kGood) last_branch_ = now.code;
}

void Fold::take_flags(const Now& now) {
    if (now.has(kRun) || now.has(kWrapperRuns)) set_wrapper("WRAPPER_RUNNING", now);
    if (now.has(kPayloadRuns)) set_wrapper("PAYLOAD_RUNNING", now);
    if (now.has(kDone) || now.has(kWrapper)) set_wrapper("DONE", now);
    if (now.has(kWrapper) || (now.has(kDone) && now.standing == Standing::kGood))
        set_flag("payload_running", payload_running_, false, now);
    if (now.has(kAsked)) set_flag("cancelling", cancelling_, true, now);
    if (now.has(kSettled)) set_flag("cancelling", cancelling_, false, now);
    if (now.has(kResub)) set_flag("resubmitted", resubmitted_, true, now);
    if (now.has(kProxy)) set_flag("remove_from_proxy", remove_from_proxy_, true, now);
    if (state_ == MainState::kRunning && (now.has(kSuspend) || now.has(kResume))) {
        suspended_ = now.has(kSuspend);
        suspend_reason_ = now.text(0);
        deciders_["suspended"] = deciders_["suspend_reason"] = &now.claim;
    }
}

// The reason belongs to the newest state: an event that gives none takes the last one away.
void Fold::take_reason(const Now& now) {
    if (now.has(kReason)) {
        reason_ = now.text(0);
        deciders_["reason"] = &now.claim;
    }
    if (now.has(kWhyUser)) set("reason", reason_, "user retrieved output sandbox", now);
    if (now.has(kWhyTimeout)) set("reason", reason_, "timed out, resource purge forced", now);
    if (now.has(kWhyNoOutput)) set("reason", reason_, "no output was generated", now);
}

// Where it is: with whoever has it or was given it, on a node, nowhere once it has ended well or
// for good. After a failure it stays where it failed.
void Fold::take_place(const Now& now) {
    const bool is_over = state_ == MainState::kAborted || state_ == MainState::kCancelled ||
                         state_ == MainState::kCleared || (now.has(kDone) && !now.has(kFailed));
    if (is_over)
        set("location", location_, "none", now);
    else if (now.has(kRun) && !now.text(0).empty())
        set("location", location_, "LRMS/worknode/" + std::string(now.text(0)), now);
    else
        set("location", location_, now.text(kPlaceText), now);
}

void Fold::show(Draft& draft) const {
    draft.set_course(course_);
    if (!is_registered_) draft.course().set_state_without_time(state_);
    draft.set("destination", destination_);
    draft.set("ce_node", ce_node_);
    draft.set("matched_jdl", matched_jdl_);
    draft.set("reason", reason_);
    draft.set("location", location_);
    draft.set("failure_reasons", failure_reasons_);
    draft.set("cream_state", cream_state_);
    draft.set("jw_status", jw_status_);
    draft.set("payload_running", payload_running_);
    if (suspended_) draft.set("suspended", true);
    draft.set("suspend_reason", suspend_reason_);
    if (cancelling_) draft.set("cancelling", true);
    if (resubmitted_) draft.set("resubmitted", true);
    if (remove_from_proxy_) draft.set("remove_from_proxy", true);
    if (!destinations_.empty()) draft.set_json(Attr{"possible_destinations"}.index, destinations_);
    if (!nodes_.empty()) draft.set_json(Attr{"possible_ce_nodes"}.index, nodes_);
}

Fold folded(const Machine& machine, const Registers& registers) {
    Fold fold(machine, registers);
    for (const TrackClaim& claim : registers.track) fold.take(claim);
    return fold;
}

}  // namespace

void derive(const Machine& machine, const Registers& registers, Draft& draft) {
    folded(machine, registers).show(draft);
    if (!draft.has("jdl")) draft.set("jdl", text_of_register(registers, "jdl_weak"));
    if (!draft.has("network_server"))
        draft.set("network_server", text_of_register(registers, "ns_first"));
    if (text_of_register(registers, "children_num") == "0") draft.set("children_num", "");
    if (draft.has("done_code") && !draft.has("exit_code")) draft.set("exit_code", std::int64_t{0});
}

Decision decide(const Machine& machine, const Registers& registers, std::string_view attribute) {
    return {folded(machine, registers).decider(attribute),
            "the newest claim of the attempt that counts"};
}

}  // namespace lb::state::grid
