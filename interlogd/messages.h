// The messages of lb-interlogd.
#pragma once

#include <array>

#include "common/log/log.h"

namespace lb::interlogd {

inline constexpr log::Message kForwarding{"ILD_FORWARDING", log::Level::kInfo, "forwards {}, as {}",
                                          "The daemon forwards what lb-logd spooled."};
inline constexpr log::Message kConnected{"ILD_CONNECTED", log::Level::kInfo,
                                         "{}: connected to {}; about {} bytes of the spool wait",
                                         "A destination takes events again."};
inline constexpr log::Message kBackingOff{"ILD_BACKING_OFF", log::Level::kWarning,
                                          "{}: {}; next try in {} ms",
                                          "A destination cannot be reached, or refuses us; the "
                                          "text says why. Nothing is lost: its events "
                                          "stay in the spool. `lbctl spool retry` tries at once."};
inline constexpr log::Message kProtocolBroken{
    "ILD_PROTOCOL_BROKEN", log::Level::kError, "{}: {}",
    "The server answered what it may not. Its events are sent again over a new connection. Report "
    "it if it goes on."};
inline constexpr log::Message kRefused{
    "ILD_REFUSED", log::Level::kWarning, "{}: event {}: {}: {}",
    "The server set an event aside as a dead letter; `lbctl dead list` shows it there."};
inline constexpr log::Message kSetAside{
    "ILD_SET_ASIDE", log::Level::kError, "{}: event {} set aside in {}: {}",
    "The server could not settle one event while it settled others. It is kept in the spool's "
    "quarantine; `lbctl spool replay` sends it again."};
inline constexpr log::Message kNotSetAside{
    "ILD_NOT_SET_ASIDE", log::Level::kError,
    "{}: event {} fails again and again and cannot be set aside: {}; it stays in the spool: {}",
    "The server cannot settle one event, and the spool's quarantine does not take it. Nothing is "
    "lost, but what was logged later may have to wait for it: make room in the quarantine "
    "(`lbctl spool list`, `lbctl spool replay`)."};
inline constexpr log::Message kDamaged{
    "ILD_DAMAGED", log::Level::kError,
    "{}: {} bytes at {} of segment {} are no records: {}; kept in "
    "{}",
    "The disk or somebody changed the spool. What is readable goes on. See `lbctl spool verify`."};
inline constexpr log::Message kSpoolFailed{
    "ILD_SPOOL_FAILED", log::Level::kError, "{}: {}",
    "The spool cannot be read or written. The daemon goes on with the rest and tries again."};
inline constexpr log::Message kLoopFailed{
    "ILD_LOOP_FAILED", log::Level::kError, "the event loop ended: {}",
    "A defect: report it. Restart the daemon; what was spooled is safe."};

inline constexpr std::array kMessages = {kForwarding,  kConnected, kBackingOff,  kProtocolBroken,
                                         kRefused,     kSetAside,  kNotSetAside, kDamaged,
                                         kSpoolFailed, kLoopFailed};

}  // namespace lb::interlogd
