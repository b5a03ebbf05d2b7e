#include "bkserver/authz/reading.h"

#include <fmt/format.h>

namespace lb::authz {

std::string_view to_string(View view) {
    constexpr std::string_view kWords[] = {"none", "reduced", "anonymized", "full"};
    return kWords[static_cast<std::size_t>(view)];
}

Reading read_by_rules(const RuleSet& rules, const Actor& actor, const ReadQuestion& question) {
    if (!question.registrant.empty() && actor.identity == question.registrant)
        return {View::kFull, "allowed to whoever registered the process"};
    if (actor.is_admin) return {View::kFull, "allowed to administrators"};
    const auto ask = [&](Role role) {
        return judge(rules, {.role = role,
                             .identity = actor.identity,
                             .groups = actor.groups,
                             .process = question.process});
    };
    // Who is denied everything is not shown less either.
    const Ruling reader = ask(Role::kReader);
    if (reader.rule != nullptr && reader.rule->is_deny)
        return {View::kNone, fmt::format("{} may not read {}: denied by \"{}\"", actor.identity,
                                         question.process, reader.rule->name)};
    if (reader.is_allowed)
        return {View::kFull, fmt::format("allowed by \"{}\"", reader.rule->name)};
    if (const Ruling ruling = ask(Role::kAnonymousReader); ruling.is_allowed)
        return {View::kAnonymized, fmt::format("allowed by \"{}\"", ruling.rule->name)};
    if (const Ruling ruling = ask(Role::kMonitor); ruling.is_allowed)
        return {View::kReduced, fmt::format("allowed by \"{}\"", ruling.rule->name)};
    return {View::kNone,
            fmt::format("{} may not read {}: no rule of the policy allows it (role reader)",
                        actor.identity, question.process)};
}

}  // namespace lb::authz
