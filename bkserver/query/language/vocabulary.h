// What a query may speak of: the terms, what their values are, and so which operators make sense.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lb::query::language {

enum class Kind : std::uint8_t {
    kText,
    kIdentity,  // text; the word `me` stands for whoever asks
    kWord,      // one of Term::words, in their order; written in any case
    kInteger,
    kFlag,  // true or false
    kTime,
};

struct Term {
    std::string name;
    Kind kind = Kind::kText;
    bool has_members = false;        // is asked as name.MEMBER: tag.owner, entered.Running
    std::vector<std::string> words;  // of kWord
    std::string help;                // one line
    bool is_of_moments = false;      // its members are times: state_at.-2h
};

// Position of the term called `name` (no case) among `terms`; terms.size() when there is none.
std::size_t find_term(std::span<const Term> terms, std::string_view name);
// The term whose name is nearest to `name`; empty when none is near.
std::string_view nearest_term(std::span<const Term> terms, std::string_view name);

}  // namespace lb::query::language
