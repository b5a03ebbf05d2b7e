// CRC32C (Castagnoli polynomial, reflected): the checksum of frames, spool records and ledgers.
// Pure; uses the processor's instruction where there is one, a table where there is none.
#pragma once

#include <cstdint>
#include <string_view>

namespace lb::frame {

// Checksum of `bytes`. To go on over several pieces pass the result so far as `previous`:
// crc32c("ab") == crc32c("b", crc32c("a")).
std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous = 0);

// The same by table: what processors without the instruction use. Public so that a test compares
// them.
std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t previous = 0);

}  // namespace lb::frame
