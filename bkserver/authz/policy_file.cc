#include "bkserver/authz/policy_file.h"

#include <fmt/format.h>

#include <algorithm>
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

std::string place_of(std::string_view origin, const toml::node& node) {
    return fmt::format("{}, line {}", origin, node.source().begin.line);
}

// Says where in the file something is wrong.
Error wrong(std::string_view origin, const toml::node& node, std::string text) {
    return {ErrorCode::kReject, fmt::format("{}: {}", place_of(origin, node), text)};
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

Status read_roles(std::string_view origin, std::string_view name, const toml::node& node,
                  Rule& rule) {
    if (!rule.roles.empty())
        return wrong(origin, node, "a rule has either allow or deny, not both");
    LB_TRY_ASSIGN(const auto words, read_texts(origin, name, node));
    for (const std::string& word : words) {
        const auto role = role_of(word);
        if (!role) {
            std::string roles;
            for (std::size_t i = 0; i < kRoleCount; ++i)
                roles += (i == 0 ? "" : ", ") + std::string(to_string(static_cast<Role>(i)));
            return wrong(origin, node,
                         fmt::format("'{}' is no role; the roles are {}", word, roles));
        }
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
        if (type.find('*') == std::string::npos && !is_event_group(type) &&
            event::find_type(type) == nullptr)
            return wrong(origin, node, fmt::format("'{}' is no type of event", type));
    return {};
}

Result<Rule> read_rule(std::string_view origin, const toml::node& node, std::size_t number) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return wrong(origin, node, "a rule is written as [[rule]]");
    Rule rule;
    rule.name = fmt::format("rule {}", number);
    rule.place = place_of(origin, node);
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

Result<Group> read_group(std::string_view origin, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return wrong(origin, node, "a group is written as [[group]]");
    Group group;
    for (const auto& [key, value] : *table) {
        if (key == "members") {
            LB_TRY_ASSIGN(group.members, read_texts(origin, "members", value));
        } else if (key == "name" && value.is_string()) {
            group.name = value.as_string()->get();
        } else {
            return wrong(origin, value, "a group has the members name and members");
        }
    }
    if (group.name.empty() || group.members.empty())
        return wrong(origin, node, "a group needs name and members");
    return group;
}

// A line of a group file: "DN or identity" group[,group...]; '#' begins a comment.
Status read_group_line(std::string_view place, std::string_view line, RuleSet& policy) {
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') return {};
    const std::size_t end = line[first] == '"' ? line.find('"', first + 1) : std::string_view::npos;
    if (end == std::string_view::npos)
        return Error{ErrorCode::kReject,
                     fmt::format("{}: expected \"DN\" group, the name in quotes", place)};
    std::string who(line.substr(first + 1, end - first - 1));
    if (who.starts_with('/')) who = "certificate:" + who;
    std::string_view names = line.substr(end + 1);
    bool has_group = false;
    while (!names.empty()) {
        const std::size_t begin = names.find_first_not_of(" \t\r,");
        if (begin == std::string_view::npos) break;
        const std::size_t stop = std::min(names.find_first_of(" \t\r,", begin), names.size());
        policy.groups.push_back({std::string(names.substr(begin, stop - begin)), {who}});
        names = names.substr(stop);
        has_group = true;
    }
    if (has_group) return {};
    return Error{ErrorCode::kReject, fmt::format("{}: no group behind the name", place)};
}

Result<std::string> read_text_file(const std::string& path, std::string_view what) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return Error{ErrorCode::kNotFound, fmt::format("cannot read the {} file {}", what, path)};
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.size() > kPolicyBytesMax)
        return Error{ErrorCode::kFull,
                     fmt::format("the {} file {} is longer than 1 MiB", what, path)};
    return text;
}

Result<RuleSet> read_policy(std::string_view origin, const toml::table& root) {
    RuleSet policy;
    for (const auto& [key, value] : root) {
        if (key == "group_files") {
            LB_TRY_ASSIGN(policy.group_files, read_texts(origin, "group_files", value));
            continue;
        }
        if (key == "salt" && value.is_string()) {
            policy.salt = value.as_string()->get();
            continue;
        }
        const toml::array* list = value.as_array();
        if (list == nullptr || (key != "rule" && key != "same" && key != "group"))
            return wrong(
                origin, value,
                fmt::format("'{}' has no place in a policy; it has group_files, salt, [[rule]], "
                            "[[same]] and [[group]]",
                            key.str()));
        for (const toml::node& element : *list) {
            if (key == "rule") {
                LB_TRY_ASSIGN(Rule rule, read_rule(origin, element, policy.rules.size() + 1));
                policy.rules.push_back(std::move(rule));
            } else if (key == "group") {
                LB_TRY_ASSIGN(Group group, read_group(origin, element));
                policy.groups.push_back(std::move(group));
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

Status parse_group_file(std::string_view text, std::string_view origin, RuleSet& policy) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        LB_TRY(read_group_line(fmt::format("{}, line {}", origin, number), text.substr(0, end),
                               policy));
        text = text.substr(std::min(end + 1, text.size()));
    }
    return {};
}

Result<RuleSet> load_policy(const std::string& path) {
    LB_TRY_ASSIGN(const std::string text, read_text_file(path, "policy"));
    LB_TRY_ASSIGN(RuleSet policy, parse_policy(text, path));
    for (const std::string& file : policy.group_files) {
        LB_TRY_ASSIGN(const std::string groups, read_text_file(file, "group"));
        LB_TRY(parse_group_file(groups, file, policy));
    }
    return policy;
}

}  // namespace lb::authz
