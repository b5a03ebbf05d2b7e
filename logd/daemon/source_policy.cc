#include "logd/daemon/source_policy.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>

#include "common/base/pattern.h"

namespace lb::logd {

namespace {

constexpr std::size_t kDatabaseBufferBytes = 64 * 1024;
constexpr int kGroupsMax = 256;

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::optional<event::Source> source_of(std::string_view name) {
    const auto names = event::source_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return std::nullopt;
    return static_cast<event::Source>(found - names.begin());
}

std::string group_name(gid_t gid) {
    std::string buffer(kDatabaseBufferBytes, '\0');
    group entry{};
    group* found = nullptr;
    if (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return {};
    return entry.gr_name;
}

}  // namespace

std::string LocalUser::text() const {
    return "uid:" + std::to_string(uid) + (name.empty() ? "" : "(" + name + ")");
}

Result<LocalUser> look_up_user(uid_t uid) {
    LocalUser user;
    user.uid = uid;
    std::string buffer(kDatabaseBufferBytes, '\0');
    passwd entry{};
    passwd* found = nullptr;
    const int failure = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    // Sources of users say by these, too, that they do not know one (getpwnam(3)).
    const bool is_unknown = failure == ENOENT || failure == ESRCH || failure == EBADF;
    if (failure != 0 && !is_unknown)
        return system_error("looking up", "uid " + std::to_string(uid), failure);
    if (found == nullptr) return user;
    user.name = entry.pw_name;
    gid_t gids[kGroupsMax];
    int count = kGroupsMax;
    if (::getgrouplist(entry.pw_name, entry.pw_gid, gids, &count) < 0) count = kGroupsMax;
    for (int i = 0; i < count; ++i)
        if (std::string name = group_name(gids[i]); !name.empty())
            user.groups.push_back(std::move(name));
    return user;
}

Result<SourcePolicy::Rule> SourcePolicy::parse_rule(const std::string& text) {
    const auto wrong = [&](const std::string& what) {
        return Error{ErrorCode::kReject,
                     "sources: \"" + text + "\": " + what +
                         "; write \"WHO: SOURCE SOURCE\", WHO = *, uid:N, user:NAME, "
                         "group:NAME or certificate:NAME-PATTERN"};
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return wrong("no colon");
    const std::string_view who = trim(std::string_view(text).substr(0, colon));
    Rule rule;
    if (who == "*") {
        rule.who = Who::kAnybody;
    } else if (who.starts_with("uid:")) {
        rule.who = Who::kUid;
        const auto digits = who.substr(4);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), rule.uid);
        if (error != std::errc() || end != digits.data() + digits.size())
            return wrong("the uid is no number");
    } else if (who.starts_with("user:") || who.starts_with("group:")) {
        rule.who = who.starts_with("user:") ? Who::kUser : Who::kGroup;
        rule.name = who.substr(who.find(':') + 1);
    } else if (who.starts_with("certificate:")) {
        rule.who = Who::kCertificate;
        rule.name = who.substr(who.find(':') + 1);
    } else {
        return wrong("it does not say who");
    }
    std::string_view list = trim(std::string_view(text).substr(colon + 1));
    while (!list.empty()) {
        const std::string_view name = list.substr(0, list.find(' '));
        list = trim(list.substr(name.size()));
        const auto source = source_of(name);
        if (name == "*")
            rule.sources.add_all();
        else if (source)
            rule.sources.add(*source);
        else
            return wrong("no such source: \"" + std::string(name) + "\"");
    }
    return rule;
}

Result<SourcePolicy> SourcePolicy::parse(std::span<const std::string> rules) {
    SourcePolicy policy;
    for (const std::string& text : rules) {
        LB_TRY_ASSIGN(auto rule, parse_rule(text));
        policy.rules_.push_back(std::move(rule));
    }
    return policy;
}

bool SourcePolicy::fits(const Rule& rule, const LocalUser& user) {
    switch (rule.who) {
        case Who::kAnybody:
            return true;
        case Who::kUid:
            return rule.uid == user.uid;
        case Who::kUser:
            return !user.name.empty() && rule.name == user.name;
        case Who::kGroup:
            return std::find(user.groups.begin(), user.groups.end(), rule.name) !=
                   user.groups.end();
        case Who::kCertificate:
            return false;
    }
    return false;
}

SourceSet SourcePolicy::sources_of(const LocalUser& user) const {
    SourceSet sources;
    for (const Rule& rule : rules_)
        if (fits(rule, user)) sources.add(rule.sources);
    return sources;
}

SourceSet SourcePolicy::sources_of_certificate(std::string_view dn) const {
    SourceSet sources;
    for (const Rule& rule : rules_)
        if (rule.who == Who::kCertificate && matches_pattern(rule.name, dn))
            sources.add(rule.sources);
    return sources;
}

}  // namespace lb::logd
