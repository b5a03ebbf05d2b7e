// Who sees how much of a process, and what the store knows of it beside its registers.
#pragma once

#include <cstdint>

#include "bkserver/authz/policy.h"
#include "bkserver/query/language/expression.h"
#include "bkserver/query/vocabulary.h"
#include "bkserver/state/engine.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::query {

// By the policy and by the rights that the process itself gives, whether its row came with its
// registers or without.
Result<authz::Reading> reading_of(store::Reader& reader, const authz::Policy& policy,
                                  const lb::v1::Identity& asker, const store::Process& process);

// `filter`, of what somebody may read at most: who may read only what is his own has no other rows
// looked at for him, so that neither the length of a page nor its time tells of others'.
store::Filter within_reach(store::Filter filter, const authz::Policy& policy,
                           const lb::v1::Identity& asker);

// Whether the answer to `expression` tells nothing that `view` does not show. What was not asked
// with care finds nothing: else whoever sees no owners could ask who owns what, name by name.
bool may_ask(const language::Expression& expression, const Domain& domain, authz::View view);

// Of an error that lies in what is kept of one process: it is damaged, or written by a newer
// server. Where many are asked for, this one is passed over, and counted.
bool is_of_one_process(const Error& error);
// `answer`, but `otherwise` when such an error stands in its place.
Result<bool> unless_unreadable(Result<bool> answer, bool otherwise);

// What depends on now.
Result<state::View> view_of(store::Reader& reader, const store::Process& process,
                            const state::Registers& registers, std::int64_t now_us);

}  // namespace lb::query
