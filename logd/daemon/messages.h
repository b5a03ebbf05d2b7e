// The messages of lb-logd.
#pragma once

#include <array>

#include "common/log/log.h"

namespace lb::logd {

inline constexpr log::Message kListening{
    "LGD_LISTENING", log::Level::kInfo, "listening at {}, spool {}, origin {}",
    "The daemon takes events. The origin is its identity in the acceptance of every event."};
inline constexpr log::Message kServerFailed{"LGD_SERVER_FAILED", log::Level::kError,
                                            "the event loop ended: {}",
                                            "The kernel refused what the daemon cannot do without. "
                                            "Restart it; what it acknowledged is safe."};
inline constexpr log::Message kCommitFailed{
    "LGD_COMMIT_FAILED", log::Level::kError, "{} of {} events are not durable: {}",
    "The spool cannot be written: full disk or a failing one. Producers were told; lb-logd goes on "
    "by itself when there is room."};
inline constexpr log::Message kEventRefused{
    "LGD_EVENT_REFUSED", log::Level::kWarning, "event of {} refused: {}",
    "A program logs what is wrong or not allowed; the text says what. It was told the same."};
inline constexpr log::Message kConnectionBroken{
    "LGD_CONNECTION_BROKEN", log::Level::kWarning, "connection of {} ended: {}",
    "A program speaks something else than the frames of this version to the socket."};
inline constexpr log::Message kConnectionRefused{
    "LGD_CONNECTION_REFUSED", log::Level::kWarning, "connection of {} refused: {} are open",
    "connections_max or connections_per_user_max is reached."};
inline constexpr log::Message kAcceptPaused{
    "LGD_ACCEPT_PAUSED", log::Level::kWarning, "new producers wait: {} connections are open, {}",
    "The process or the host is out of descriptors. Raise LimitNOFILE of the unit, or lower "
    "connections_max; producers wait within their deadlines, nothing is lost."};
inline constexpr log::Message kQueueFull{
    "LGD_QUEUE_FULL", log::Level::kWarning, "producers wait: {} bytes are not durable yet",
    "The disk is slower than the producers. Nothing is lost; they wait, within their deadlines."};
inline constexpr log::Message kDropSetAside{
    "LGD_DROP_SET_ASIDE", log::Level::kWarning, "drop file {} set aside in {}: {}",
    "A file in the drop directory is no event, or one that its owner may not log."};

inline constexpr log::Message kRemoteListening{
    "LGD_REMOTE_LISTENING", log::Level::kInfo,
    "listening for remote producers at port {} over TLS as {}",
    "Producers of other hosts may log here whose certificates a rule of sources names."};
inline constexpr log::Message kRemoteOpened{"LGD_REMOTE_OPENED", log::Level::kInfo,
                                            "remote producer {} is connected from {}",
                                            "Its events carry the name of its certificate."};
inline constexpr log::Message kRemoteEnded{
    "LGD_REMOTE_ENDED", log::Level::kWarning, "connection of {} from {} ended: {}",
    "It did not end in good order. What was acknowledged is durable; the producer sends the rest "
    "again."};
inline constexpr log::Message kRemoteRefused{
    "LGD_REMOTE_REFUSED", log::Level::kWarning, "remote producer {} refused: {}",
    "It showed no certificate that is valid here and named by a rule of sources "
    "(certificate:NAME-PATTERN), spoke no TLS, was too slow, or too many are connected. Local "
    "producers are not concerned."};

inline constexpr std::array kMessages = {
    kListening,         kServerFailed, kCommitFailed, kEventRefused, kConnectionBroken,
    kConnectionRefused, kAcceptPaused, kQueueFull,    kDropSetAside, kRemoteListening,
    kRemoteOpened,      kRemoteEnded,  kRemoteRefused};

}  // namespace lb::logd
