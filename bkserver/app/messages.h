// The messages of lb-bkserver.
#pragma once

#include <array>

#include "common/log/log.h"

namespace lb::bkserver {

inline constexpr log::Message kListening{"BKS_LISTENING", log::Level::kInfo,
                                         "keeps {}; listening at {} and {}",
                                         "The server takes events and questions."};
inline constexpr log::Message kNoNetwork{
    "BKS_NO_NETWORK", log::Level::kWarning, "no tls.certificate: local users only",
    "Give the server a certificate (lbctl pki issue) to serve other hosts."};
inline constexpr log::Message kDatabase{
    "BKS_DATABASE", log::Level::kInfo, "database: {}",
    "What the private mariadbd does, where the configured one is, or what is changed in it."};
inline constexpr log::Message kDatabaseAway{
    "BKS_DATABASE_AWAY", log::Level::kWarning, "the database does not answer: {}",
    "The server waits for it. Nothing is lost: forwarders keep what is not settled."};
inline constexpr log::Message kIngest{"BKS_INGEST", log::Level::kWarning, "{}",
                                      "Events wait; the text says for what."};
inline constexpr log::Message kConnectionRefused{
    "BKS_CONNECTION_REFUSED", log::Level::kWarning, "connection from {} refused: {}",
    "A peer without a good certificate, or one too many. The text says what is wrong."};
inline constexpr log::Message kConnectionBroken{
    "BKS_CONNECTION_BROKEN", log::Level::kWarning, "connection of {} from {} ended: {}",
    "A peer broke the protocol or went away. Forwarders come back by themselves."};
inline constexpr log::Message kPeerOpened{"BKS_PEER_OPENED", log::Level::kDebug,
                                          "{} connected from {}", "For following one peer."};
inline constexpr log::Message kPolicyLoaded{
    "BKS_POLICY_LOADED", log::Level::kInfo, "policy: {}, {} rules",
    "The rules by which events are taken and questions answered."};
inline constexpr log::Message kPolicyOpen{
    "BKS_POLICY_OPEN", log::Level::kWarning,
    "policy \"open\": whoever is authenticated may do "
    "everything",
    "For trying out. Write a policy file before others use this server."};
inline constexpr log::Message kLoopFailed{
    "BKS_LOOP_FAILED", log::Level::kError, "the event loop ended: {}",
    "A defect: report it. Restart the server; what it acknowledged is safe."};

inline constexpr log::Message kHttpRefused{
    "BKS_HTTP_REFUSED", log::Level::kWarning, "HTTP from {} refused: {}",
    "A client that is no good HTTP/1.1 client, too slow, or one too many. The text says what."};
inline constexpr log::Message kHttpDenied{
    "BKS_HTTP_DENIED", log::Level::kWarning, "HTTP from {} for {} denied: {}",
    "Without a good token or certificate, or not allowed by the policy. Many of them from one "
    "address: somebody tries."};

inline constexpr log::Message kAuditDenied{"BKS_AUDIT_DENIED", log::Level::kWarning,
                                           "{} may not {} {}: {}",
                                           "Somebody asked for what the policy does not give. "
                                           "The text names the rule; events that "
                                           "were denied are in `lbctl dead list`."};
inline constexpr log::Message kAuditDone{"BKS_AUDIT_DONE", log::Level::kInfo, "{} {} {}",
                                         "What an administrator or owner did."};
inline constexpr log::Message kSlowQuery{
    "BKS_SLOW_QUERY", log::Level::kWarning, "a statement took {} ms: {}; plan: {}",
    "Ask with more indexed attributes, or add an index (lbctl index add). The plan is the "
    "database's; key says which index it took."};

inline constexpr log::Message kQueryEnded{
    "BKS_QUERY_ENDED", log::Level::kWarning, "a statement was ended after {} ms: {}; plan: {}",
    "It came to query_seconds_max, or to the end of the disk; whoever asked was told. As with "
    "BKS_SLOW_QUERY; where the plan "
    "is "
    "good, something holds the database up: locks, disk, memory."};

inline constexpr log::Message kSlowAnswer{
    "BKS_SLOW_ANSWER", log::Level::kWarning, "the answer to {} took {} ms: {}",
    "What no column tells is decided over every status that else fits: ask with more indexed "
    "attributes. Statements that were slow themselves stand before it, with their plans."};

inline constexpr std::array kMessages = {
    kListening,        kNoNetwork,   kDatabase,     kDatabaseAway, kIngest,     kConnectionRefused,
    kConnectionBroken, kPeerOpened,  kPolicyLoaded, kPolicyOpen,   kLoopFailed, kHttpRefused,
    kHttpDenied,       kAuditDenied, kAuditDone,    kSlowQuery,    kQueryEnded, kSlowAnswer};

}  // namespace lb::bkserver
