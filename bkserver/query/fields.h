// Which members of rows a query may choose: what is misspelt would be shown as if it were absent.
#pragma once

#include "common/base/result.h"
#include "lb/v1/query.pb.h"

namespace lb::query {

// kReject names the first field that no row of processes, or of events, ever has.
Status check_process_fields(const lb::v1::QueryRequest& ask);
Status check_event_fields(const lb::v1::QueryRequest& ask);

}  // namespace lb::query
