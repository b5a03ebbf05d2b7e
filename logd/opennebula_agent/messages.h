// The messages of lb-agent-opennebula.
#pragma once

#include "logd/agent/messages.h"

namespace lb::opennebula_agent {

inline constexpr log::Message kConnected{
    "ONA_CONNECTED", log::Level::kInfo, "connected to {}",
    "A look at all machines and hosts follows: what was published before is gone."};
inline constexpr log::Message kDisconnected{"ONA_DISCONNECTED", log::Level::kWarning,
                                            "the stream of events at {} is away",
                                            "OpenNebula stopped, or its hook manager (HM_MAD in "
                                            "oned.conf) does. The agent connects again by "
                                            "itself and looks at everything then."};
inline constexpr log::Message kSynchronized{
    "ONA_SYNCHRONIZED", log::Level::kInfo,
    "{} machines that are not done, {} hosts, {} looks logged",
    "What OpenNebula has was compared with what its events told."};
inline constexpr log::Message kNotSynchronized{
    "ONA_NOT_SYNCHRONIZED", log::Level::kWarning, "{}; next try in {} ms",
    "OpenNebula does not answer, or does not let auth_file's user see all machines. Events are "
    "logged "
    "meanwhile; what was missed waits for the next try."};
inline constexpr log::Message kNotUnderstood{"ONA_NOT_UNDERSTOOD", log::Level::kWarning,
                                             "{} is not understood: {}",
                                             "Something else than OpenNebula publishes at that "
                                             "address, or a newer OpenNebula. The rest goes on."};
inline constexpr log::Message kNotKept{"ONA_NOT_KEPT", log::Level::kError,
                                       "the list of machines is not kept: {}",
                                       "State directory full or not writable? A machine that ends "
                                       "while the agent is away may stay as it "
                                       "was last seen."};

inline constexpr auto kMessages = agent::with_shared(std::array{
    kConnected, kDisconnected, kSynchronized, kNotSynchronized, kNotUnderstood, kNotKept});

}  // namespace lb::opennebula_agent
