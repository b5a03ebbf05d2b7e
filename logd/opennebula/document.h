// The XML in which OpenNebula shows a virtual machine or a host: alone (hooks), inside of a
// HOOK_MESSAGE (the stream of events) or in a pool (XML-RPC). Only the elements named here are
// read: CONTEXT and USER_TEMPLATE, where users keep passwords and tokens, never leave this file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lb::opennebula {

inline constexpr std::size_t kDocumentBytesMax = 16 * 1024 * 1024;  // a pool of machines
inline constexpr std::size_t kNicsMax = 64;

// One stay on one host. Times are seconds since the epoch; 0 = not yet.
struct Stay {
    std::string hostname;
    int sequence = 0;
    int action = 0;  // what its user asked for last
    std::int64_t prolog_begin = 0;
    std::int64_t prolog_end = 0;
    std::int64_t run_begin = 0;
    std::int64_t run_end = 0;
    std::int64_t epilog_begin = 0;
    std::int64_t epilog_end = 0;
};

struct Nic {
    std::string ip;
    std::string mac;
};

struct VmDocument {
    int id = 0;
    std::string name;
    std::string user;
    std::string uuid;  // libvirt's; empty as long as OpenNebula has given none
    std::string cpu;
    std::string memory;
    std::string image;  // of its first disk
    int state = 0;
    int lcm_state = 0;
    int previous_state = 0;
    int previous_lcm_state = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::string previous_host;  // of the stay before the last
    std::optional<Stay> stay;   // the last one
    std::vector<Nic> nics;
};

struct HostDocument {
    int id = 0;
    std::string name;
    int state = 0;
};

struct Documents {
    std::vector<VmDocument> vms;
    std::vector<HostDocument> hosts;
    std::vector<Error> refused;  // those without a number for their id or their state
};

// Every VM and HOST of the document. kReject says what is wrong with it: no XML, or nothing in it
// that can be used. An empty pool is right.
Result<Documents> parse_documents(std::string_view xml);

}  // namespace lb::opennebula
