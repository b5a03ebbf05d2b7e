// What the agent asks OpenNebula itself, by XML-RPC: its machines and hosts as they are now.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "logd/opennebula/document.h"

namespace lb::opennebula_agent {

inline constexpr int kPageVms = 200;  // machines asked for at once: some MiB

// Carries the body of a call there and the body of its answer back. kRetry, kTimeout: no answer.
using Transport = std::function<Result<std::string>(const std::string& body)>;

// One thread at a time. Errors as those of parse_answer() and of the transport.
class Cloud {
  public:
    // `session`: "user:password", as in OpenNebula's one_auth.
    Cloud(Transport transport, std::string session)
        : transport_(std::move(transport)), session_(std::move(session)) {}

    // Up to kPageVms machines that are not done yet, from the `offset`-th on.
    Result<opennebula::Documents> vms(int offset);
    // One, done or not.
    Result<opennebula::VmDocument> vm(int id);
    Result<opennebula::Documents> hosts();

  private:
    const Transport transport_;
    const std::string session_;
};

}  // namespace lb::opennebula_agent
