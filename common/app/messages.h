// What the daemon skeleton logs.
#pragma once

#include <array>

#include "common/log/log.h"

namespace lb::app {

// clang-format off
inline constexpr log::Message kStarted{"APP_STARTED", log::Level::kInfo, "version {} is ready",
    "The daemon has opened its files and sockets."};
inline constexpr log::Message kStopping{"APP_STOPPING", log::Level::kInfo, "stopping",
    "It was told to stop; it finishes what it has begun."};
inline constexpr log::Message kCannotStart{"APP_CANNOT_START", log::Level::kError, "cannot start: {}",
    "The text says what is missing. Nothing was changed."};
inline constexpr log::Message kReloaded{"APP_RELOADED", log::Level::kInfo, "configuration reloaded",
    "Options marked reloadable, certificates and policies are in force."};
inline constexpr log::Message kReloadRefused{"APP_RELOAD_REFUSED", log::Level::kError,
    "configuration not reloaded, the old one stays in force: {}", "Mend the file and send HUP again."};
inline constexpr log::Message kNeedsRestart{"APP_NEEDS_RESTART", log::Level::kWarning,
    "option {} changes only at a restart", "Restart the daemon when it suits."};
inline constexpr log::Message kRenewed{"APP_RENEWED", log::Level::kInfo,
    "renewed certificates or revocation lists are in force", "Files of tls.* changed; new connections use them."};
inline constexpr log::Message kRenewalRefused{"APP_RENEWAL_REFUSED", log::Level::kError,
    "renewed certificates or revocation lists are not taken over, the old ones stay in force: {}",
    "Mend the file that the text names; it is looked at again every minute."};
inline constexpr log::Message kHangs{"APP_HANGS", log::Level::kError,
    "no progress: systemd restarts the daemon unless there is some soon",
    "A call into the system does not return: look at the disk, the database and the load."};
inline constexpr log::Message kStatus{"APP_STATUS", log::Level::kInfo, "{}",
    "The status that USR1 asked for."};
inline constexpr log::Message kDefect{"APP_DEFECT", log::Level::kError, "{} was given up: {}",
    "A defect: report it with this text. The daemon goes on with everything else."};
// clang-format on

inline constexpr std::array kMessages = {
    kStarted, kStopping,       kCannotStart, kReloaded, kReloadRefused, kNeedsRestart,
    kRenewed, kRenewalRefused, kHangs,       kStatus,   kDefect};

}  // namespace lb::app
