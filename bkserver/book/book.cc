#include "bkserver/book/book.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "bkserver/book/intake.h"
#include "bkserver/book/settlement.h"
#include "bkserver/state/engine.h"
#include "common/base/guard.h"
#include "common/base/limits.h"
#include "common/env/env.h"

namespace lb::book {

namespace {

// Pause before an attempt is repeated: doubles from the least to the most.
constexpr auto kPauseLeast = std::chrono::milliseconds(5);
constexpr auto kPauseMost = std::chrono::milliseconds(500);
// Subjects are small; a process has a few of them.
constexpr std::size_t kSubjectsPerProcess = 3;
// Children that the registrations of one transaction plan, if there is more than one of them.
constexpr std::uint64_t kChildrenPerTransactionMax = 20'000;

// So many of the first candidates as go into one transaction; at least one.
std::size_t count_within_children_limit(std::span<const Candidate> candidates) {
    std::uint64_t children = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const auto brood = state::brood_of(candidates[i].accepted.event);
        if (!brood || candidates[i].is_settled()) continue;
        children += brood->count;
        if (i > 0 && children > kChildrenPerTransactionMax) return i;
    }
    return candidates.size();
}

}  // namespace

std::string_view verdict_word(lb::v1::Verdict verdict) {
    switch (verdict) {
        case lb::v1::VERDICT_ACCEPTED:
            return "accepted";
        case lb::v1::VERDICT_DUPLICATE:
            return "duplicate";
        case lb::v1::VERDICT_UNKNOWN_TYPE:
            return "unknown";
        case lb::v1::VERDICT_UNREGISTERED:
            return "unregistered";
        case lb::v1::VERDICT_DENIED:
            return "denied";
        case lb::v1::VERDICT_MALFORMED:
            return "malformed";
        case lb::v1::VERDICT_CONFLICT:
            return "conflict";
        case lb::v1::VERDICT_RETRY:
            return "retry";
        case lb::v1::VERDICT_UNSPECIFIED:
        case lb::v1::Verdict_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::Verdict_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return "undecided";
}

class Book::Impl {
  public:
    Impl(store::Database& database, const Policy& policy, BookOptions options)
        : database_(database),
          policy_(policy),
          options_(std::move(options)),
          caches_(options_.cached_processes, options_.cached_bytes,
                  options_.cached_processes * kSubjectsPerProcess) {}

    Status open() {
        LB_TRY_ASSIGN(writer_, database_.open_writer(options_.lane));
        return {};
    }

    // Settles all candidates, or gives the error that is not theirs.
    Status settle(std::span<Candidate> candidates);
    store::Writer& writer() { return *writer_; }
    store::Database& database() { return database_; }
    [[nodiscard]] BookCounters counters() const;

  private:
    Status attempt_repeatedly(std::span<Candidate> candidates);
    void count(const Error& error);

    store::Database& database_;
    const Policy& policy_;
    BookOptions options_;
    Caches caches_;
    std::unique_ptr<store::Writer> writer_;
    std::atomic<std::uint64_t> transactions_ = 0;
    std::atomic<std::uint64_t> conflicts_ = 0;
    std::atomic<std::uint64_t> retries_ = 0;
    std::atomic<std::uint64_t> splits_ = 0;
    std::atomic<std::uint64_t> changes_ = 0;
    std::atomic<std::uint64_t> cache_hits_ = 0;
    std::atomic<std::uint64_t> cache_misses_ = 0;
};

void Book::Impl::count(const Error& error) {
    if (error.code == ErrorCode::kConflict)
        ++conflicts_;
    else
        ++retries_;
}

Status Book::Impl::attempt_repeatedly(std::span<Candidate> candidates) {
    // What was decided at the door stays; everything else is decided anew by each attempt.
    std::vector<Settled> at_the_door;
    for (const Candidate& candidate : candidates) at_the_door.push_back(candidate.settled);
    auto pause = kPauseLeast;
    for (std::uint32_t attempt = 1;; ++attempt) {
        Settlement settlement(*writer_, policy_, options_, caches_);
        // What an event throws is its own fault: it is found and set aside like what the database
        // refuses.
        const Status settled =
            guarded([&] { return settlement.run(candidates, env::posix_env().now_us()); },
                    ErrorCode::kReject);
        cache_hits_ = caches_.hits;
        cache_misses_ = caches_.misses;
        if (settled.ok()) {
            ++transactions_;
            changes_ += settlement.change_count();
            return {};
        }
        writer_->rollback();
        for (std::size_t i = 0; i < candidates.size(); ++i) candidates[i].settled = at_the_door[i];
        const ErrorCode code = settled.error().code;
        const bool is_worth_repeating = code == ErrorCode::kRetry || code == ErrorCode::kConflict;
        if (!is_worth_repeating || attempt >= options_.attempts_max) return settled;
        count(settled.error());
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, kPauseMost);
    }
}

// What the database refuses is halved until the culprit stands alone.
Status Book::Impl::settle(std::span<Candidate> candidates) {
    const Status settled = attempt_repeatedly(candidates);
    if (settled.ok()) return {};
    const ErrorCode code = settled.error().code;
    const bool is_data_error = code == ErrorCode::kReject || code == ErrorCode::kCorrupt;
    if (!is_data_error && code != ErrorCode::kConflict)
        return Error{ErrorCode::kRetry, settled.error().text};
    if (candidates.size() == 1) {
        if (!is_data_error) return Error{ErrorCode::kRetry, settled.error().text};
        candidates[0].settle(lb::v1::VERDICT_MALFORMED, "refused: " + settled.error().text);
        return attempt_repeatedly(candidates);
    }
    ++splits_;
    const std::size_t half = candidates.size() / 2;
    LB_TRY(settle(candidates.first(half)));
    return settle(candidates.subspan(half));
}

BookCounters Book::Impl::counters() const {
    return {transactions_, conflicts_, retries_, splits_, changes_, cache_hits_, cache_misses_};
}

Result<std::unique_ptr<Book>> Book::open(store::Database& database, const Policy& policy,
                                         BookOptions options) {
    auto impl = std::make_unique<Impl>(database, policy, std::move(options));
    LB_TRY(impl->open());
    return std::unique_ptr<Book>(new Book(std::move(impl)));
}

Book::Book(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Book::~Book() = default;

Result<std::vector<Settled>> Book::settle(std::span<const Arrived> events) {
    LB_ASSERT(events.size() <= limits::kTransactionEventsMax);
    std::vector<Candidate> candidates;
    candidates.reserve(events.size());
    for (const Arrived& arrived : events) candidates.push_back(take_in(arrived));
    for (std::span<Candidate> rest = candidates; !rest.empty();) {
        const std::span<Candidate> portion = rest.first(count_within_children_limit(rest));
        LB_TRY(impl_->settle(portion));
        rest = rest.subspan(portion.size());
    }
    std::vector<Settled> settled;
    settled.reserve(candidates.size());
    for (Candidate& candidate : candidates) settled.push_back(std::move(candidate.settled));
    return settled;
}

Result<Settled> Book::replay_dead_letter(std::uint64_t number) {
    LB_TRY_ASSIGN(const auto reader, impl_->database().open_reader());
    LB_TRY_ASSIGN(const auto letter, reader->get_dead_letter(number));
    if (!letter) return Error{ErrorCode::kNotFound, "no dead letter " + std::to_string(number)};
    const Arrived arrived = {letter->envelope, letter->forwarder, letter->arrived_us};
    LB_TRY_ASSIGN(const std::vector<Settled> settled, settle(std::span(&arrived, 1)));
    const lb::v1::Verdict verdict = settled[0].verdict;
    if (verdict == lb::v1::VERDICT_DENIED || verdict == lb::v1::VERDICT_MALFORMED ||
        verdict == lb::v1::VERDICT_CONFLICT)
        return settled[0];
    LB_TRY(impl_->writer().begin());
    LB_TRY(impl_->writer().mark_replayed(number, env::posix_env().now_us()));
    LB_TRY(impl_->writer().commit());
    return settled[0];
}

Status Book::drop_dead_letter(std::uint64_t number) {
    LB_TRY(impl_->writer().begin());
    LB_TRY(impl_->writer().drop_dead_letter(number));
    return impl_->writer().commit();
}

BookCounters Book::counters() const {
    return impl_->counters();
}

}  // namespace lb::book
