#include "bkserver/authz/policy_file.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <iterator>
#include <optional>

#include "common/config/toml.h"
#include "common/event/table.h"

namespace lb::authz {

namespace {

constexpr std::size_t kPolicyBytesMax = 1024 * 1024;

struct ListMember {
    std::string_view name;
    std::vector<std::string> Rule::*list;
};
constexpr std::array<ListMember, 7> kLists{{{"who", &Rule::who},
                                            {"hosts", &Rule::hosts},
                                            {"vouches", &Rule::vouches},
                                            {"sources", &Rule::sources},
                                            {"events", &Rule::events},
                                            {"processes", &Rule::processes},
                                            {"speaks_for", &Rule::speaks_for}}};
constexpr std::string_view kRuleMembers =
    "name, allow, deny, who, hosts, vouches, sources, events, processes, speaks_for";

// Says where in the file something is wrong.
Error wrong(std::string_view origin, const toml::node& node, std::string text) {
    return {ErrorCode::kReject,
            fmt::format("{}, line {}: {}", origin, node.source().begin.line, text)};
}

Result<std::vector<std::string>> read_texts(std::string_view origin, std::string_view name,
                                            const toml::node& node) {
    std::vector<std::string> texts;
    if (const auto* text = node.as_string()) {
        texts.push_back(text->get());
        return texts;
    }
    const toml::array* array = node.as_array();
    if (array == nullptr)
        return wrong(origin, node, fmt::format("{} must be a text or a list of texts", name));
    for (const toml::node& element : *array) {
        const auto* text = element.as_string();
        if (text == nullptr)
            return wrong(origin, element, fmt::format("{} has an element that is no text", name));
        texts.push_back(text->get());
    }
    return texts;
}

std::optional<Role> role_from(std::string_view word) {
    for (std::size_t i = 0; i < kRoleCount; ++i)
        if (to_string(static_cast<Role>(i)) == word) return static_cast<Role>(i);
    return std::nullopt;
}

Status read_roles(std::string_view origin, std::string_view name, const toml::node& node,
                  Rule& rule) {
    if (!rule.roles.empty())
        return wrong(origin, node, "a rule has either allow or deny, not both");
    LB_TRY_ASSIGN(const auto words, read_texts(origin, name, node));
    for (const std::string& word : words) {
        const auto role = role_from(word);
        if (!role)
            return wrong(origin, node,
                         fmt::format("'{}' is no role: forwarder, origin, registrar, adopter, "
                                     "reader or admin",
                                     word));
        rule.roles.push_back(*role);
    }
    rule.is_deny = name == "deny";
    return {};
}

Status read_member(std::string_view origin, std::string_view name, const toml::node& node,
                   Rule& rule) {
    if (name == "allow" || name == "deny") return read_roles(origin, name, node, rule);
    if (name == "name") {
        const auto* text = node.as_string();
        if (text == nullptr) return wrong(origin, node, "name must be a text");
        rule.name = text->get();
        return {};
    }
    for (const ListMember& member : kLists)
        if (member.name == name) {
            LB_TRY_ASSIGN(rule.*member.list, read_texts(origin, name, node));
            return {};
        }
    return wrong(origin, node,
                 fmt::format("a rule has no member '{}'; it has {}", name, kRuleMembers));
}

// A source that is spelled wrongly would silently match nothing.
Status check_words(std::string_view origin, const toml::node& node, const Rule& rule) {
    for (const std::string& source : rule.sources) {
        bool is_known = source.find('*') != std::string::npos;
        for (const std::string_view name : event::source_names()) is_known |= name == source;
        if (!is_known) return wrong(origin, node, fmt::format("'{}' is no source", source));
    }
    for (const std::string& type : rule.events)
        if (type.find('*') == std::string::npos && event::find_type(type) == nullptr)
            return wrong(origin, node, fmt::format("'{}' is no type of event", type));
    return {};
}

Result<Rule> read_rule(std::string_view origin, const toml::node& node, std::size_t number) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return wrong(origin, node, "a rule is written as [[rule]]");
    Rule rule;
    rule.name = fmt::format("rule {}", number);
    for (const auto& [key, value] : *table) LB_TRY(read_member(origin, key.str(), value, rule));
    if (rule.roles.empty())
        return wrong(origin, node, "the rule says neither allow nor deny, or for no role");
    if (rule.who.empty())
        return wrong(origin, node, "the rule does not say for whom: who = [\"certificate:/...\"]");
    LB_TRY(check_words(origin, node, rule));
    return rule;
}

Result<Alias> read_alias(std::string_view origin, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return wrong(origin, node, "an alias is written as [[same]]");
    Alias alias;
    for (const auto& [key, value] : *table) {
        if (key == "also") {
            LB_TRY_ASSIGN(alias.also, read_texts(origin, "also", value));
        } else if (key == "identity" && value.is_string()) {
            alias.identity = value.as_string()->get();
        } else {
            return wrong(origin, value, "an alias has the members identity and also");
        }
    }
    if (alias.identity.empty() || alias.also.empty())
        return wrong(origin, node, "an alias needs identity and also");
    return alias;
}

Result<RuleSet> read_policy(std::string_view origin, const toml::table& root) {
    RuleSet policy;
    for (const auto& [key, value] : root) {
        const toml::array* list = value.as_array();
        if (list == nullptr || (key != "rule" && key != "same"))
            return wrong(origin, value,
                         fmt::format("'{}' has no place in a policy; it has [[rule]] and [[same]]",
                                     key.str()));
        for (const toml::node& element : *list) {
            if (key == "rule") {
                LB_TRY_ASSIGN(Rule rule, read_rule(origin, element, policy.rules.size() + 1));
                policy.rules.push_back(std::move(rule));
            } else {
                LB_TRY_ASSIGN(Alias alias, read_alias(origin, element));
                policy.aliases.push_back(std::move(alias));
            }
        }
    }
    return policy;
}

}  // namespace

Result<RuleSet> parse_policy(std::string_view text, std::string_view origin) {
    LB_TRY_ASSIGN(const toml::table root, config::parse_toml_table(text, origin));
    return read_policy(origin, root);
}

Result<RuleSet> load_policy(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return Error{ErrorCode::kNotFound, fmt::format("cannot read the policy file {}", path)};
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.size() > kPolicyBytesMax)
        return Error{ErrorCode::kFull,
                     fmt::format("the policy file {} is longer than 1 MiB", path)};
    return parse_policy(text, path);
}

}  // namespace lb::authz
