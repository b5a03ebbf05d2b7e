// Bytes as text and back: hexadecimal and base64url (RFC 4648 section 5, no padding).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lb {

std::string to_hex(std::string_view bytes);
// Nothing when `text` is not an even number of hexadecimal digits.
std::optional<std::string> from_hex(std::string_view text);

std::string to_base64url(std::string_view bytes);
// Nothing when `text` has a character outside the alphabet, an impossible length or bits over.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace lb
