#include "bkserver/cli/spool_replay.h"

namespace lb::cli {

namespace {

bool is_refusal(lb::v1::Verdict verdict) {
    return verdict == lb::v1::VERDICT_DENIED || verdict == lb::v1::VERDICT_MALFORMED ||
           verdict == lb::v1::VERDICT_CONFLICT;
}

}  // namespace

Result<ReplayCounts> replay_events(spool::Quarantine& quarantine,
                                   const spool::Destination& destination, BatchPeer& peer,
                                   Credit credit,
                                   const std::function<void(const std::string&)>& complain) {
    ReplayCounts counts;
    LB_TRY_ASSIGN(const auto spans, quarantine.list());
    const auto on_settled = [&](const Upload& upload, lb::v1::Verdict verdict,
                                const std::string& reason) {
        if (!lb::v1::Verdict_IsValid(verdict) || verdict == lb::v1::VERDICT_UNSPECIFIED)
            return complain(upload.text + ": stays: the server gave a verdict unknown to lbctl");
        if (is_refusal(verdict)) {
            ++counts.refused;
            complain(upload.text + ": the server keeps it as a dead letter: " + reason);
        }
        if (const Status removed = quarantine.remove(spans[upload.line]); !removed.ok())
            return complain(removed.error().text);
        ++counts.settled;
    };
    Uploader uploader(peer, credit, on_settled);
    const std::string prefix = spool::quarantined_event_prefix(destination);
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if (!spans[i].name().starts_with(prefix)) {
            if (spans[i].is_event()) ++counts.others;
            continue;
        }
        auto bytes = env::read_file(env::posix_env(), spans[i].path, spool::kRecordPayloadBytesMax);
        if (!bytes.ok()) {
            complain(bytes.error().text);
            continue;
        }
        LB_TRY(uploader.add({std::move(*bytes), i, spans[i].path}));
    }
    LB_TRY(uploader.finish());
    return counts;
}

}  // namespace lb::cli
