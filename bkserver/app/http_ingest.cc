#include "bkserver/app/http_ingest.h"

#include <bit>
#include <nlohmann/json.hpp>

#include "bkserver/query/forms.h"
#include "bkserver/web/event_body.h"
#include "bkserver/web/forms.h"
#include "common/env/env.h"
#include "common/event/codec.h"
#include "common/event/envelope.h"
#include "common/event/event_id.h"
#include "common/event/json.h"

namespace lb::bkserver {

namespace {

using nlohmann::json;

// What a client need not say: the process and source of its token, and the time, which is now. An
// event with an id of its own needs its time: else a resend would be another event.
Status complete(json& object, const std::optional<store::Token>& token, std::int64_t now_us) {
    if (!object.is_object()) return Error{ErrorCode::kReject, "expected a JSON object"};
    if (!object.contains("time") && !object.contains("timestamp")) {
        if (object.contains("event_id"))
            return Error{ErrorCode::kReject,
                         "\"time\": it is missing; an event that brings its event_id brings its "
                         "time, so that sent again it is the same event"};
        object["time"] = static_cast<double>(now_us) / 1e6;
    }
    if (!token) return {};
    const bool is_named = object.contains("process") || object.contains("key") ||
                          object.contains("subject") || object.contains("process_id") ||
                          object.contains("jobId") || object.contains("jobid") ||
                          object.contains("job_id");
    if (!is_named) object["process"] = token->name;
    if (!object.contains("source") && std::has_single_bit(token->sources))
        object["source"] =
            event::source_names()[static_cast<std::size_t>(std::countr_zero(token->sources))];
    return {};
}

Result<lb::v1::Envelope> envelope_of(std::string_view text,
                                     const std::optional<store::Token>& token) {
    LB_TRY_ASSIGN(json object, web::parse_event(text));
    LB_TRY(complete(object, token, env::posix_env().now_us()));
    LB_TRY_ASSIGN(const event::JsonEvent event, event::event_from_json(object));
    lb::v1::Envelope envelope;
    envelope.set_schema(event::kEventSchema);
    envelope.set_event_id(event.event_id);
    envelope.set_subject(event.subject);
    envelope.set_priority(lb::v1::PRIORITY_SYNC);
    envelope.set_event(event::encode(event.event));
    return envelope;
}

// 0 when the event was taken.
unsigned status_of(lb::v1::Verdict verdict) {
    switch (verdict) {
        case lb::v1::VERDICT_ACCEPTED:
        case lb::v1::VERDICT_DUPLICATE:
        case lb::v1::VERDICT_UNKNOWN_TYPE:
        case lb::v1::VERDICT_UNREGISTERED:
            return 0;
        case lb::v1::VERDICT_DENIED:
            return 403;
        case lb::v1::VERDICT_MALFORMED:
            return 422;
        case lb::v1::VERDICT_CONFLICT:
            return 409;
        case lb::v1::VERDICT_RETRY:
        case lb::v1::VERDICT_UNSPECIFIED:
        case lb::v1::Verdict_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::Verdict_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return 503;
}

}  // namespace

void HttpIngest::take(const HttpCall& call, const lb::v1::Identity& identity,
                      const std::optional<store::Token>& token, ingest::Lanes& lanes,
                      ingest::Stamper& stamper) {
    const std::string* type = call.request.header("content-type");
    const bool is_lines = type != nullptr && (type->find("ndjson") != std::string::npos ||
                                              type->find("jsonl") != std::string::npos);
    const auto texts = web::split_events(call.request.body, is_lines);
    if (!texts.ok()) return call.reply(web::problem(texts.error()));
    const std::shared_ptr<HttpIngest> batch(new HttpIngest(call.reply));
    call.when_late([weak = std::weak_ptr(batch)] {
        const auto late = weak.lock();
        if (late == nullptr) return web::problem(503, "the events were not settled in time");
        const std::lock_guard lock(late->mutex_);
        return late->answer();
    });
    std::vector<lb::v1::Envelope> envelopes(texts->size());
    batch->entries_.resize(texts->size());
    // One more than there are, until all are handed over: the answer must not come before that.
    batch->open_ = texts->size() + 1;
    std::vector<ingest::Outcome> refused;
    for (std::size_t i = 0; i < texts->size(); ++i) {
        auto envelope = envelope_of((*texts)[i], token);
        if (envelope.ok()) envelope = stamper.stamp(envelope->SerializeAsString(), identity);
        if (!envelope.ok()) {
            refused.push_back({i, {lb::v1::VERDICT_MALFORMED, envelope.error().text, 0}});
            continue;
        }
        {
            const std::lock_guard lock(batch->mutex_);
            batch->entries_[i].event_id = envelope->event_id();
        }
        if (!lanes.submit({envelope->SerializeAsString(), identity, env::posix_env().now_us()},
                          batch, i))
            refused.push_back(
                {i,
                 {lb::v1::VERDICT_RETRY,
                  "the server's queues are full: send it again, with this event_id", 0}});
    }
    refused.push_back({texts->size(), {}});
    batch->on_settled(refused);
}

void HttpIngest::on_settled(std::span<const ingest::Outcome> outcomes) {
    std::optional<web::HttpAnswer> whole;
    {
        const std::lock_guard lock(mutex_);
        for (const ingest::Outcome& outcome : outcomes)
            if (outcome.ticket < entries_.size())
                entries_[outcome.ticket].settled = outcome.settled;
        open_ -= outcomes.size();
        if (open_ == 0) whole = answer();
    }
    if (whole) reply_(std::move(*whole));
}

web::HttpAnswer HttpIngest::answer() const {
    web::Json rows = web::Json::array();
    unsigned worst = 0;
    bool is_mixed = false;
    std::string reason;
    for (const Entry& entry : entries_) {
        const bool is_open = entry.settled.verdict == lb::v1::VERDICT_UNSPECIFIED;
        const unsigned status = status_of(entry.settled.verdict);
        web::Json row = web::Json::object();
        if (!entry.event_id.empty()) row["event_id"] = event::event_id_to_text(entry.event_id);
        row["verdict"] = is_open ? "retry" : book::verdict_word(entry.settled.verdict);
        std::string why = is_open ? "not settled in time: send it again, with this event_id"
                                  : entry.settled.reason;
        if (status != 0) reason = why;
        if (!why.empty()) row["reason"] = std::move(why);
        is_mixed = is_mixed || (!rows.empty() && status != worst);
        worst = std::max(worst, status);
        rows.push_back(std::move(row));
    }
    if (worst == 0 || is_mixed) {
        web::HttpAnswer answer = web::json_answer({{"events", rows}});
        answer.status = worst == 0 ? 200 : 207;
        return answer;
    }
    web::HttpAnswer answer = web::problem(worst, reason);
    web::Json body = web::Json::parse(answer.body);
    body["events"] = std::move(rows);
    answer.body = json_line(body) + "\n";
    return answer;
}

}  // namespace lb::bkserver
