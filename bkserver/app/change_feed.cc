#include "bkserver/app/change_feed.h"

#include <algorithm>
#include <chrono>

#include "bkserver/query/changes.h"
#include "common/app/messages.h"
#include "common/base/encoding.h"
#include "common/base/guard.h"
#include "common/base/json_line.h"
#include "common/env/env.h"
#include "common/event/identity.h"

namespace lb::bkserver {

namespace {

constexpr char kEventStream[] = "text/event-stream";
constexpr auto kLookInterval = std::chrono::milliseconds(500);
// Of one stream at one look: a client that was away for long catches up over several.
constexpr std::uint32_t kChangesPerLook = 200;
// A comment keeps what is between us and the client from closing, and finds out who has gone.
constexpr std::int64_t kHeartbeatUs = 15'000'000;

using Changes = ChangeFeed::Changes;

Changes changes_after(const query::SearchContext& context, const std::string& condition,
                      const std::string& cursor) {
    lb::v1::ChangesRequest ask;
    ask.set_condition(condition);
    ask.set_cursor(cursor);
    ask.set_limit(kChangesPerLook);
    Changes changes;
    auto reached = query::list_changes(
        context, ask, [&](const query::Row& row) { changes.rows.push_back(json_line(row)); });
    if (reached.ok())
        changes.cursor = std::move(*reached);
    else
        changes.status = reached.error();
    return changes;
}

}  // namespace

ChangeFeed::ChangeFeed(const authz::Policy& policy, std::unique_ptr<store::Reader> reader,
                       std::string secret)
    : policy_(policy),
      reader_(std::move(reader)),
      seal_(std::move(secret)),
      streams_(metrics::Registry::global().gauge("lb_http_streams",
                                                 "Streams of changes that are open now.")) {}

Result<std::unique_ptr<ChangeFeed>> ChangeFeed::start(store::Database& database,
                                                      const authz::Policy& policy,
                                                      std::size_t connections_max) {
    LB_TRY_ASSIGN(auto reader, database.open_reader());
    LB_TRY_ASSIGN(std::string secret, reader->secret());
    std::unique_ptr<ChangeFeed> feed(new ChangeFeed(policy, std::move(reader), std::move(secret)));
    feed->streams_max_ = std::min(kStreamsMax, connections_max / 2);
    feed->thread_ = std::thread([raw = feed.get()] { raw->run(); });
    return feed;
}

ChangeFeed::~ChangeFeed() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

bool ChangeFeed::reserve(const std::string& identity) {
    const std::lock_guard lock(mutex_);
    const auto own = std::count(identities_.begin(), identities_.end(), identity);
    if (identities_.size() >= streams_max_ ||
        static_cast<std::size_t>(own) >= kStreamsPerIdentityMax)
        return false;
    identities_.push_back(identity);
    streams_.set(static_cast<std::int64_t>(identities_.size()));
    return true;
}

void ChangeFeed::release(const std::string& identity) {
    const std::lock_guard lock(mutex_);
    identities_.erase(std::find(identities_.begin(), identities_.end(), identity));
    streams_.set(static_cast<std::int64_t>(identities_.size()));
}

void ChangeFeed::follow(const HttpCall& call, const lb::v1::Identity& reader, AnswerTools tools) {
    if (call.request.method == "HEAD")
        return call.reply({.content_type = kEventStream, .body = {}});
    const auto cursor = cursor_of(call.request);
    if (!cursor.ok()) return call.reply(web::problem(cursor.error()));
    const std::string* query = call.request.parameter("query");
    const std::string condition = query == nullptr ? std::string() : *query;
    const Changes first =
        changes_after({tools.reader, policy_, reader, call.arrived_us}, condition, *cursor);
    if (!first.status.ok()) return call.reply(web::problem(first.status.error()));
    if (!reserve(event::identity_text(reader)))
        return call.reply(web::problem(503, "too many streams are open: close some, or try again"));
    auto stream = call.open_stream(kEventStream);
    // Where the stream begins, at once: a client that loses it right away can go on from there.
    stream->send("retry: 2000\n" + place(first.cursor) + to_events(first));
    const std::lock_guard lock(mutex_);
    arrived_.push_back({std::move(stream), reader, condition, first.cursor, call.arrived_us});
}

Result<std::string> ChangeFeed::cursor_of(const web::HttpRequest& request) const {
    // A browser repeats the address with its old cursor; what it got since stands in the header.
    const std::string* text = request.header("last-event-id");
    if (text == nullptr || text->empty()) text = request.parameter("cursor");
    if (text == nullptr) return std::string();
    return seal_.open(from_base64url(*text).value_or(""), lb::v1::Request::kChanges);
}

std::string ChangeFeed::id_of(const std::string& cursor) const {
    return "id: " + to_base64url(seal_.seal(cursor, lb::v1::Request::kChanges)) + "\n";
}

// The last event has the id: whoever loses the stream among them gets them again, none is lost.
std::string ChangeFeed::to_events(const Changes& changes) const {
    std::string text;
    for (std::size_t i = 0; i < changes.rows.size(); ++i) {
        if (i + 1 == changes.rows.size()) text += id_of(changes.cursor);
        text += "event: change\ndata: " + changes.rows[i] + "\n\n";
    }
    return text;
}

// An event without data is none, but its id is kept by the client.
std::string ChangeFeed::place(const std::string& cursor) const {
    return id_of(cursor) + "\n";
}

void ChangeFeed::run() {
    std::vector<Follower> followers;
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kLookInterval, [&] { return is_stopping_; })) {
        for (Follower& follower : arrived_) followers.push_back(std::move(follower));
        arrived_.clear();
        lock.unlock();
        const Status served = guarded([&] { serve_all(followers); });
        if (!served.ok()) log::write(app::kDefect, "streams of changes", served.error().text);
        lock.lock();
    }
    for (const Follower& follower : followers) follower.stream->end();
    for (const Follower& follower : arrived_) follower.stream->end();
}

void ChangeFeed::serve_all(std::vector<Follower>& followers) {
    if (followers.empty()) return;
    const lb::v1::Identity nobody;
    // One question tells whether anything changed at all.
    const std::string newest = changes_after({*reader_, policy_, nobody, 0}, {}, {}).cursor;
    std::erase_if(followers, [&](Follower& one) {
        bool goes_on = false;
        const Status served = guarded([&] { goes_on = serve(one, newest); });
        if (goes_on) return false;
        if (!served.ok()) {
            log::write(app::kDefect, "a stream of changes", served.error().text);
            one.stream->end();
        }
        release(event::identity_text(one.reader));
        return true;
    });
}

bool ChangeFeed::serve(Follower& follower, const std::string& newest) {
    if (!follower.stream->is_open()) return false;
    const std::int64_t now_us = env::posix_env().now_us();
    std::string text;
    // While the database is away there is no newest change: the stream waits.
    if (!newest.empty() && newest != follower.cursor) {
        const Changes changes = changes_after({*reader_, policy_, follower.reader, now_us},
                                              follower.condition, follower.cursor);
        if (changes.status.ok()) {
            text = to_events(changes);
            follower.cursor = changes.cursor;
        }
    }
    if (text.empty() && now_us < follower.sent_us + kHeartbeatUs) return true;
    // The place goes on even when nothing that may be seen has changed.
    if (text.empty()) text = ":\n" + place(follower.cursor);
    follower.sent_us = now_us;
    return follower.stream->send(std::move(text));
}

}  // namespace lb::bkserver
