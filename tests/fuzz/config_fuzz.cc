// Configuration and policy files: refused with a line, or read.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bkserver/authz/policy_file.h"
#include "bkserver/store/mariadb/dsn.h"
#include "common/config/toml_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)lb::config::parse_toml(text, "fuzz.toml");
    (void)lb::authz::parse_policy(text, "fuzz policy");
    (void)lb::store::mariadb::Dsn::parse(text);
    return 0;
}
