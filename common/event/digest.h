// SHA-256 and MD5 as ids need them (MD5 only for the child ids of the original: no secret rests on
// it).
#pragma once

#include <string>
#include <string_view>

namespace lb::event {

std::string sha256(std::string_view bytes);  // 32 bytes
std::string md5(std::string_view bytes);     // 16 bytes

}  // namespace lb::event
