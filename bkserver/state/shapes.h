// Plain registers as the status shows them.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "bkserver/state/attributes.h"
#include "bkserver/state/draft.h"
#include "bkserver/state/registers.h"

namespace lb::state {

// The claim that won a register that is not kept per name; nullptr when nobody claimed it.
const Claim* claim_of_register(const Registers& registers, Attr attribute);
// The text of a register that is not kept per name; empty when nobody claimed it.
std::string_view text_of_register(const Registers& registers, Attr attribute);

// null when there is nothing to show.
nlohmann::ordered_json show_register(const Registers& registers, const AttributeInfo& info);

// Relations of this process: {"from", "to", "state": active | inactive | cancelled}. inactive when
// this process has ended; whoever knows the other end's state applies the same rule to it.
void show_connections(const Registers& registers, std::string_view process, Draft& draft);

}  // namespace lb::state
