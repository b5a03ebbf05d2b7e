// What a status has only for who asks for it: it costs more than the rest.
#pragma once

#include "common/base/result.h"
#include "lb/v1/query.pb.h"

namespace lb::query {

// Processes of one question about children_states or history.
inline constexpr int kExtrasProcessesMax = 20;
// Of the statuses of children in one status.
inline constexpr std::size_t kChildrenStatesBytesMax = 4 * 1024 * 1024;

// kReject: something unknown is asked for, or something that is not told of the past; kFull: of too
// many processes.
Status check_extras(const lb::v1::StatusRequest& ask);

}  // namespace lb::query
