#include "logd/daemon/server.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "common/base/json_line.h"
#include "common/base/limits.h"
#include "lb/v1/wire.pb.h"
#include "logd/daemon/messages.h"

namespace lb::logd {

namespace {

// Tags of epoll entries that are no session; sessions count from kTagFirstSession.
constexpr std::uint64_t kTagListener = 0;
constexpr std::uint64_t kTagWake = 1;
constexpr std::uint64_t kTagDoorbell = 2;
constexpr std::uint64_t kTagDropBox = 3;
constexpr std::uint64_t kTagFirstSession = 16;

constexpr auto kNobody = static_cast<uid_t>(-1);  // of this host

constexpr int kEventsPerLook = 256;
// Looks for what producers sent meanwhile, before a round's events go to the committer: one sync
// for more of them.
constexpr int kLooksPerRound = 4;
constexpr int kAcceptsPerRound = 64;
constexpr int kDecodesPerRound = 4;  // of one session
constexpr std::size_t kReadBytes = 64 * 1024;
// A producer that does not take its answers is not read any further.
constexpr std::size_t kUnsentBytesMax = 256 * 1024;
// Producers that wait for verdicts, also those that are gone; one more is answered when its event
// is durable.
constexpr std::size_t kWaitsMax = 100'000;
constexpr std::uint64_t kUsPerMs = 1000;
constexpr int kTickMs = 1000;  // longest wait: bounds how late a timer may be noticed
constexpr std::uint64_t kDrainUs = 5'000'000;
constexpr std::uint64_t kRoundUsMax = 10'000'000;   // longer means that the loop hangs
constexpr std::uint64_t kCommitUsMax = 60'000'000;  // longer means that the disk hangs
// Between two looks into a drop box that has more, so that producers on the socket get their turn.
constexpr std::uint64_t kDropPauseUs = 10'000;
// When the process is out of descriptors, accepting again at once would only spin.
constexpr std::uint64_t kAcceptPauseUs = 100'000;

ErrorCode code_of_verdict(std::uint32_t verdict) {
    if (verdict == v1::VERDICT_DENIED) return ErrorCode::kDenied;
    if (verdict == v1::VERDICT_MALFORMED) return ErrorCode::kReject;
    if (verdict == v1::VERDICT_CONFLICT) return ErrorCode::kConflict;
    return ErrorCode::kOk;
}

}  // namespace

Server::Server(env::Env& env, LogdOptions options, Intake intake, SourcePolicy policy, int listener,
               metrics::Registry& registry)
    : env_(env),
      options_(std::move(options)),
      intake_(std::move(intake)),
      policy_(std::move(policy)),
      listener_(listener),
      next_session_(kTagFirstSession),
      read_buffer_(kReadBytes, '\0'),
      registry_(registry),
      metrics_(registry) {}

Server::~Server() {
    // First: their threads write to wake_, and the committer's rings the doorbell.
    committer_.reset();
    users_.reset();
    sessions_.clear();
    for (const int descriptor : {listener_, epoll_, wake_})
        if (descriptor >= 0) ::close(descriptor);
    for (const auto& [descriptor, producer] : newcomers_) ::close(descriptor);
}

Result<std::unique_ptr<Server>> Server::create(env::Env& env, LogdOptions options, int listener,
                                               metrics::Registry& registry,
                                               UserDirectory::LookUp look_up) {
    LB_TRY_ASSIGN(auto intake, Intake::create(env, options));
    LB_TRY_ASSIGN(auto policy, SourcePolicy::parse(options.sources));
    auto server = std::unique_ptr<Server>(new Server(env, std::move(options), std::move(intake),
                                                     std::move(policy), listener, registry));
    LB_TRY(server->open_parts(std::move(look_up)));
    return server;
}

Status Server::open_parts(UserDirectory::LookUp look_up) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (epoll_ < 0 || wake_ < 0) return system_error("making", "an event loop", errno);
    users_ = std::make_unique<UserDirectory>(
        env_,
        [this] {
            is_anybody_known_anew_ = true;
            wake();
        },
        std::move(look_up));
    const std::string& directory = options_.runtime_directory;
    LB_TRY_ASSIGN(doorbell_, spool::Doorbell::open(directory + "/" + spool::kLogdDoorbell,
                                                   directory + "/" + spool::kInterlogdDoorbell));
    LB_TRY_ASSIGN(drop_box_,
                  DropBox::open(
                      env_, options_, [this](uid_t uid) { return producer_of(uid); }, metrics_));
    LB_TRY_ASSIGN(auto writer, spool::SpoolWriter::open(env_, options_.spool));
    committer_ = std::make_unique<Committer>(env_, std::move(writer), *doorbell_, wake_, metrics_);
    LB_TRY(watch(listener_, kTagListener));
    LB_TRY(watch(wake_, kTagWake));
    LB_TRY(watch(doorbell_->descriptor(), kTagDoorbell));
    if (drop_box_->descriptor() >= 0) LB_TRY(watch(drop_box_->descriptor(), kTagDropBox));
    return {};
}

Status Server::watch(int descriptor, std::uint64_t tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0)
        return system_error("watching", "a descriptor", errno);
    return {};
}

void Server::watch_listener(bool is_watched) {
    epoll_event event{};
    if (is_watched) event.events = EPOLLIN;
    event.data.u64 = kTagListener;
    (void)::epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event);
}

Status Server::run() {
    last_round_us_ = env_.monotonic_us();
    scan_drops();
    while (!is_stopping_) {
        last_round_us_ = env_.monotonic_us();
        LB_TRY(look());
        expire_waits();
        if (env_.monotonic_us() >= next_drop_scan_us_) scan_drops();
        accept_again();
        submit_batch();
        for (const std::uint64_t id : std::exchange(touched_, {}))
            if (const auto found = sessions_.find(id); found != sessions_.end())
                after(*found->second);
        submit_batch();  // frames that had to wait for room
    }
    drain();
    return {};
}

// Waits until something happens, and takes it in. When that brought events, looks again without
// waiting.
Status Server::look() {
    epoll_event events[kEventsPerLook];
    int wait_ms = timeout_ms();
    for (int i = 0; i < kLooksPerRound; ++i) {
        const int count = ::epoll_wait(epoll_, events, kEventsPerLook, wait_ms);
        if (count < 0 && errno != EINTR) return system_error("waiting for", "events", errno);
        for (int k = 0; k < count; ++k) dispatch(events[k].data.u64, events[k].events);
        if (count <= 0 || batch_.empty()) break;
        wait_ms = 0;
    }
    return {};
}

bool Server::is_making_progress() const {
    // The clock is read last: the loop and the committer may move on in between.
    const std::uint64_t last_round_us = last_round_us_;
    const std::uint64_t commit_since_us = committer_->busy_since_us();
    const std::uint64_t now_us = env_.monotonic_us();
    return now_us - last_round_us < kRoundUsMax &&
           (commit_since_us == 0 || now_us - commit_since_us < kCommitUsMax);
}

void Server::submit_batch() {
    committer_->submit(std::exchange(batch_, {}));
    batch_bytes_ = 0;
}

void Server::stop() {
    is_stopping_ = true;
    wake();
}

void Server::wake() {
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
}

void Server::on_wake() {
    std::uint64_t count = 0;
    (void)!::read(wake_, &count, sizeof count);
    take_completions();
    if (is_anybody_known_anew_.exchange(false)) admit_strangers();
    admit_remotes();
}

// Everything accepted becomes durable and is answered, as far as producers take their answers.
void Server::drain() {
    const std::uint64_t end_us = env_.monotonic_us() + kDrainUs;
    committer_->stop();
    take_completions();
    for (const auto& [deadline_us, wait] : deadlines_)
        if (Answer* answer = find_answer(wait.ticket)) {
            answer->deadline_us = 1;  // passed
            settle(wait.ticket, *answer);
        }
    for (auto& [id, session] : sessions_) {
        while (session->flush() && session->has_outgoing() && env_.monotonic_us() < end_us)
            ::usleep(1000);
    }
    admit_remotes();
    sessions_.clear();  // whoever waits at the other end learns that no more answers come
}

void Server::dispatch(std::uint64_t tag, std::uint32_t events) {
    switch (tag) {
        case kTagListener:
            return accept_peers();
        case kTagWake:
            return on_wake();
        case kTagDoorbell:
            return take_verdicts();
        case kTagDropBox:
            return scan_drops();
    }
    const auto found = sessions_.find(tag);
    if (found == sessions_.end()) return;  // ended earlier in this round
    Session& session = *found->second;
    if ((events & EPOLLIN) != 0 && may_read(session)) return read_from(session);
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) return end_session(tag);
    touched_.insert(tag);
}

int Server::timeout_ms() const {
    if (!touched_.empty()) return 0;
    const std::uint64_t now_us = env_.monotonic_us();
    std::uint64_t next_us = next_drop_scan_us_;
    if (!deadlines_.empty()) next_us = std::min(next_us, deadlines_.begin()->first);
    if (accept_again_us_ != 0) next_us = std::min(next_us, accept_again_us_);
    if (next_us <= now_us) return 0;
    return static_cast<int>(std::min<std::uint64_t>((next_us - now_us) / kUsPerMs + 1, kTickMs));
}

void Server::accept_peers() {
    for (int i = 0; i < kAcceptsPerRound; ++i) {
        const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            add_session(descriptor);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno != EAGAIN) pause_accepting(system_error("accepting", "producers", errno));
        return;
    }
}

// Producers wait in the backlog until descriptors are free again.
void Server::pause_accepting(const Error& why) {
    log::write(kAcceptPaused, sessions_.size(), why.text);
    watch_listener(false);
    accept_again_us_ = env_.monotonic_us() + kAcceptPauseUs;
}

void Server::accept_again() {
    if (accept_again_us_ == 0 || env_.monotonic_us() < accept_again_us_) return;
    accept_again_us_ = 0;
    watch_listener(true);
}

void Server::add_session(int descriptor) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        ::close(descriptor);
        return;
    }
    Producer stranger;
    stranger.user.uid = peer.uid;
    auto session = std::make_unique<Session>(descriptor, next_session_++, peer.uid,
                                             std::move(stranger), limits::kEventBytesMax);
    if (is_crowded(peer.uid)) {
        metrics_.connections_refused.add();
        log::write(kConnectionRefused, session->producer.text(), sessions_.size());
        session->fail({ErrorCode::kFull,
                       "lb-logd has too many connections (connections_max, "
                       "connections_per_user_max)"});
        (void)session->flush();
        return;
    }
    ++connections_of_user_[peer.uid];
    metrics_.connections.add(1);
    admit(std::move(session));
}

bool Server::is_crowded(uid_t uid) const {
    const std::size_t local = sessions_.size() - remote_sessions_ + strangers_.size();
    if (local >= options_.connections_max) return true;
    const auto of_user = connections_of_user_.find(uid);
    const std::size_t count = of_user == connections_of_user_.end() ? 0 : of_user->second;
    return uid != 0 && count >= options_.connections_per_user_max;
}

// Who is not known yet waits aside; admit_strangers() comes back to him.
void Server::admit(std::unique_ptr<Session> session) {
    auto producer = producer_of(session->uid());
    if (!producer) {
        strangers_.push_back(std::move(session));
        return;
    }
    session->producer = *std::move(producer);
    enter(std::move(session));
}

void Server::enter(std::unique_ptr<Session> session) {
    session->interest = EPOLLIN;
    const std::uint64_t id = session->id();
    const int descriptor = session->descriptor();
    sessions_.emplace(id, std::move(session));
    if (!watch(descriptor, id).ok()) end_session(id);
}

// Connections and files of users who are known by now.
void Server::admit_strangers() {
    for (auto& session : std::exchange(strangers_, {})) admit(std::move(session));
    next_drop_scan_us_ = 0;
}

void Server::admit_remote(int descriptor, Producer producer) {
    {
        const std::lock_guard lock(mutex_);
        newcomers_.emplace_back(descriptor, std::move(producer));
    }
    wake();
}

// The door has counted them.
void Server::admit_remotes() {
    std::vector<std::pair<int, Producer>> newcomers;
    {
        const std::lock_guard lock(mutex_);
        newcomers.swap(newcomers_);
    }
    for (auto& [descriptor, producer] : newcomers) {
        ++remote_sessions_;
        metrics_.connections.add(1);
        enter(std::make_unique<Session>(descriptor, next_session_++, kNobody, std::move(producer),
                                        limits::kEventBytesMax));
    }
}

void Server::end_session(std::uint64_t id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    const Session& session = *found->second;
    buffered_bytes_ -= session.buffered_bytes;
    if (session.producer.is_remote())
        --remote_sessions_;
    else if (const auto of_user = connections_of_user_.find(session.uid()); --of_user->second == 0)
        connections_of_user_.erase(of_user);
    sessions_.erase(found);
    metrics_.connections.add(-1);
}

std::optional<Producer> Server::producer_of(uid_t uid) {
    auto user = users_->user_of(uid);
    if (!user) return std::nullopt;
    const SourceSet sources = policy_.sources_of(*user);
    return Producer{*std::move(user), sources};
}

bool Server::may_decode(const Session& session) const {
    return !session.has_failed && !is_paused_ && session.in_flight() < options_.in_flight_max &&
           session.unsent_bytes() < kUnsentBytesMax;
}

bool Server::may_read(const Session& session) const {
    return !session.is_at_end && may_decode(session);
}

void Server::read_from(Session& session) {
    const auto count =
        ::recv(session.descriptor(), read_buffer_.data(), read_buffer_.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        // The producer is gone or has said all. Its answers are sent if it still listens.
        session.is_at_end = true;
        touched_.insert(session.id());
        return;
    }
    session.decoder.append(
        std::string_view(read_buffer_).substr(0, static_cast<std::size_t>(count)));
    decode(session);
    touched_.insert(session.id());
}

// Handles whole frames as far as answers may be in flight. False when there was none.
bool Server::decode(Session& session) {
    bool is_any = false;
    while (may_decode(session)) {
        const auto frame = session.decoder.next();
        if (!frame.ok()) {
            end_broken(session, frame.error());
            break;
        }
        if (!frame->has_value()) break;
        handle_frame(session, **frame);
        is_any = true;
    }
    buffered_bytes_ -= session.buffered_bytes;
    session.buffered_bytes = session.decoder.buffered_bytes();
    buffered_bytes_ += session.buffered_bytes;
    if (buffered_bytes_ > options_.buffer_bytes_max && !session.has_failed)
        session.fail({ErrorCode::kFull,
                      "lb-logd holds too many incomplete frames "
                      "(buffer_bytes_max)"});
    return is_any;
}

void Server::handle_frame(Session& session, const frame::Frame& frame) {
    switch (frame.type) {
        case v1::FRAME_TYPE_LOG:
            return handle_log(session, frame.payload);
        case v1::FRAME_TYPE_REQUEST:
            return handle_request(session, frame.payload);
    }
    end_broken(session,
               {ErrorCode::kUnsupported,
                "lb-logd takes LOG and REQUEST frames, not type " + std::to_string(frame.type)});
}

void Server::handle_log(Session& session, std::string_view payload) {
    const Ticket ticket{session.id(), session.add_answer()};
    Answer& answer = *session.answer(ticket.number);
    auto outcome = intake_.accept(payload, session.producer, {});
    if (const auto* refused = std::get_if<Refused>(&outcome)) {
        return refuse(answer, session, *refused);
    }
    auto& accepted = std::get<Accepted>(outcome);
    metrics_.events_accepted.add();
    metrics_.programs.add(accepted.program, env_.now_us());
    answer.event_id = accepted.event_id;
    if (accepted.lane == spool::Lane::kSync) await_verdict(ticket, answer, accepted.wait_ms);
    batch_bytes_ += accepted.envelope.size();
    batch_.push_back(
        {ticket, std::move(accepted.destination), accepted.lane, std::move(accepted.envelope)});
    if (batch_bytes_ + committer_->queued_bytes() > options_.queue_bytes_max && !is_paused_) {
        is_paused_ = true;
        metrics_.queue_full_pauses.add();
        log::write(kQueueFull, batch_bytes_ + committer_->queued_bytes());
        for (auto& [id, other] : sessions_) touched_.insert(id);
    }
}

// The answer waits for the event's verdict, so long at most.
void Server::await_verdict(const Ticket& ticket, Answer& answer, std::uint32_t wait_ms) {
    answer.deadline_us = env_.monotonic_us();
    if (deadlines_.size() >= kWaitsMax) return;
    answer.deadline_us += wait_ms * kUsPerMs;
    waits_.emplace(answer.event_id, ticket);
    deadlines_.emplace(answer.deadline_us, Wait{ticket, answer.event_id});
}

void Server::refuse(Answer& answer, const Session& session, const Refused& refused) {
    const bool is_denied = refused.error.code == ErrorCode::kDenied;
    (is_denied ? metrics_.events_denied : metrics_.events_refused).add();
    log::write(kEventRefused, session.producer.text(), refused.error.text);
    answer.event_id = refused.event_id;
    answer.code = refused.error.code;
    answer.text = refused.error.text;
    answer.is_ready = true;
}

void Server::end_broken(Session& session, const Error& error) {
    metrics_.connections_broken.add();
    log::write(kConnectionBroken, session.producer.text(), error.text);
    session.fail(error);
}

// About the daemon itself: the Prometheus text when metrics are asked for, else a JSON object.
void Server::handle_request(Session& session, std::string_view payload) {
    v1::Request request;
    v1::Reply reply;
    const bool is_sound = request.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
    reply.set_id(request.id());
    if (is_sound && request.has_server()) {
        const bool is_metrics = request.server().what() == v1::ServerRequest::WHAT_METRICS;
        reply.add_rows(is_metrics ? registry_.exposition() : json_line(metrics_.to_json()));
    } else {
        reply.set_code(v1::ERROR_CODE_UNSUPPORTED);
        reply.set_text("lb-logd answers requests about itself only; ask the bookkeeping server");
    }
    std::string frame;
    frame::append_frame(frame, v1::FRAME_TYPE_REPLY, reply.SerializeAsString());
    session.reply(session.add_answer(), std::move(frame));
}

// Sends what is ready, decodes what had to wait for room, ends what is done.
void Server::after(Session& session) {
    bool is_alive = session.flush();
    bool has_more = true;
    for (int i = 0; i < kDecodesPerRound && is_alive && has_more; ++i) {
        has_more = session.decoder.buffered_bytes() > 0 && decode(session);
        if (has_more) is_alive = session.flush();
    }
    if (has_more) touched_.insert(session.id());
    const bool is_over = session.has_failed || (session.is_at_end && !is_paused_);
    const bool is_done = is_over && session.in_flight() == 0 && !session.has_outgoing();
    if (!is_alive || is_done) return end_session(session.id());
    update_interest(session);
}

void Server::update_interest(Session& session) {
    std::uint32_t interest = 0;
    if (may_read(session)) interest |= EPOLLIN;
    if (session.has_outgoing()) interest |= EPOLLOUT;
    if (interest == session.interest) return;
    epoll_event event{};
    event.events = interest;
    event.data.u64 = session.id();
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, session.descriptor(), &event) == 0)
        session.interest = interest;
}

void Server::take_completions() {
    for (const Completion& completion : committer_->take_completions()) {
        if (completion.ticket.owner == kDropOwner) {
            drop_box_->complete(completion.ticket.number, completion.status);
            continue;
        }
        Answer* answer = find_answer(completion.ticket);
        if (answer == nullptr) continue;  // the producer is gone; the event is durable all the same
        if (completion.status.ok()) {
            answer->is_durable = true;
            settle(completion.ticket, *answer);
        } else {
            answer->code = completion.status.error().code;
            answer->text = completion.status.error().text;
            make_ready(completion.ticket, *answer);
        }
    }
    if (is_paused_ && committer_->queued_bytes() < options_.queue_bytes_max / 2) {
        is_paused_ = false;
        for (auto& [id, session] : sessions_) touched_.insert(id);
    }
}

Answer* Server::find_answer(const Ticket& ticket) {
    const auto found = sessions_.find(ticket.owner);
    return found == sessions_.end() ? nullptr : found->second->answer(ticket.number);
}

void Server::make_ready(const Ticket& ticket, Answer& answer) {
    answer.is_ready = true;
    touched_.insert(ticket.owner);
}

// An event that is durable is answered at once when nobody waits for its verdict, else with the
// verdict or when its deadline has passed.
void Server::settle(const Ticket& ticket, Answer& answer) {
    if (answer.is_ready || !answer.is_durable) return;
    const bool is_waited_for = answer.deadline_us != 0;
    if (is_waited_for && answer.verdict == v1::VERDICT_UNSPECIFIED) {
        if (env_.monotonic_us() < answer.deadline_us) return;
        metrics_.sync_timeouts.add();
        answer.code = ErrorCode::kTimeout;
        answer.text = "durable on this host, not yet committed by the server";
    }
    make_ready(ticket, answer);
}

// What interlogd says about events that producers wait for.
void Server::take_verdicts() {
    for (const spool::SettledEvent& settled : doorbell_->take().settled) {
        const auto [begin, end] = waits_.equal_range(settled.event_id);
        for (auto wait = begin; wait != end; ++wait) {
            Answer* answer = find_answer(wait->second);
            if (answer == nullptr || answer->is_ready) continue;
            answer->verdict = settled.verdict;
            answer->code = code_of_verdict(settled.verdict);
            answer->text = settled.reason;
            metrics_.sync_settled.add();
            settle(wait->second, *answer);
        }
        waits_.erase(begin, end);
    }
}

void Server::expire_waits() {
    const std::uint64_t now_us = deadlines_.empty() ? 0 : env_.monotonic_us();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_us) {
        const Wait wait = std::move(deadlines_.begin()->second);
        deadlines_.erase(deadlines_.begin());
        const auto [begin, end] = waits_.equal_range(wait.event_id);
        for (auto entry = begin; entry != end;)
            entry = entry->second == wait.ticket ? waits_.erase(entry) : std::next(entry);
        if (Answer* answer = find_answer(wait.ticket)) settle(wait.ticket, *answer);
    }
}

void Server::scan_drops() {
    const std::size_t queued_bytes = batch_bytes_ + committer_->queued_bytes();
    const std::size_t room_bytes =
        options_.queue_bytes_max - std::min(queued_bytes, options_.queue_bytes_max);
    for (CommitItem& item : drop_box_->scan(intake_, room_bytes)) {
        batch_bytes_ += item.envelope.size();
        batch_.push_back(std::move(item));
    }
    const bool is_next_soon = drop_box_->has_more() && room_bytes > 0;
    next_drop_scan_us_ =
        env_.monotonic_us() + (is_next_soon ? kDropPauseUs : options_.drop_scan_ms * kUsPerMs);
}

}  // namespace lb::logd
