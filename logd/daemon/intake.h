// Intake: what a producer sent becomes an accepted event, or is refused with a reason. It checks
// the envelope, decodes the event, asks the source policy, finds the destination, stamps the
// acceptance. The invariant: nothing leaves it that carries an identity or an acceptance which the
// producer stated; root's agents alone say whose channel a guest spoke on.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "common/env/env.h"
#include "common/spool/spool_format.h"
#include "lb/v1/envelope.pb.h"
#include "logd/daemon/options.h"
#include "logd/daemon/origin.h"
#include "logd/daemon/source_policy.h"

namespace lb::logd {

// Who sends: a local user, proven by the kernel (the peer of a socket, the owner of a file), or a
// remote producer, proven by TLS.
struct Producer {
    LocalUser user;  // of a local one
    SourceSet sources;
    std::string dn = {};  // of a remote one: the name in his certificate; empty: local

    [[nodiscard]] bool is_remote() const { return !dn.empty(); }
    // "uid:1000(alice)", "certificate:/O=example/CN=node7": for messages.
    [[nodiscard]] std::string text() const {
        return is_remote() ? "certificate:" + dn : user.text();
    }
};

struct Accepted {
    spool::Destination destination;
    spool::Lane lane = spool::Lane::kBulk;
    std::string event_id;
    // Of this host, that told of a machine, as it names itself; empty: another host's, or another
    // kind of event, which anybody may log.
    std::string program;
    std::string envelope;  // stamped, serialized: what the spool holds
    std::uint32_t wait_ms =
        0;  // of the synchronous lane: how long the producer waits for a verdict
};

struct Refused {
    std::string event_id;  // as the producer gave it; empty when the envelope could not be read
    Error error;
};

// One thread at a time.
class Intake {
  public:
    static Result<Intake> create(env::Env& env, const LogdOptions& options);

    // `fallback_event_id`: for events without one; empty = a new one is made.
    std::variant<Accepted, Refused> accept(std::string_view payload, const Producer& producer,
                                           const std::string& fallback_event_id);

    [[nodiscard]] const std::string& origin_id() const { return origin_.id(); }

  private:
    explicit Intake(env::Env& env)
        : env_(&env), origin_(env), acceptance_(std::make_unique<v1::Acceptance>()) {}
    Result<spool::Destination> destination_of(const std::string& subject) const;
    Result<event::Source> check_event(const v1::Envelope& envelope, const Producer& producer) const;
    void stamp(v1::Envelope& envelope, const Producer& producer);
    [[nodiscard]] std::uint32_t wait_ms_of(std::uint32_t asked_ms) const;

    env::Env* env_;
    Origin origin_;
    // Most of it is the same for every event: it is lent to each while that is stamped.
    std::unique_ptr<v1::Acceptance> acceptance_;
    std::optional<spool::Destination> default_destination_;
    std::set<spool::Destination> destinations_;
    bool is_any_destination_ = false;
    std::uint32_t sync_wait_ms_ = 0;
    std::uint32_t sync_wait_ms_max_ = 0;
};

}  // namespace lb::logd
