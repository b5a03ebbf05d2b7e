#include "common/frame/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace lb::frame {

namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // 0x1EDC6F41, bits reversed

consteval std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit)
            value = (value & 1) != 0 ? (value >> 1) ^ kPolynomial : value >> 1;
        table[byte] = value;
    }
    return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view bytes,
                                                                      std::uint32_t previous) {
    std::uint64_t state = static_cast<std::uint32_t>(~previous);
    const char* cursor = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, cursor, sizeof word);
        state = _mm_crc32_u64(state, word);
        cursor += sizeof word;
    }
    auto narrow = static_cast<std::uint32_t>(state);
    for (; left > 0; --left) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(*cursor++));
    return ~narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t previous) {
    std::uint32_t state = ~previous;
    for (const char c : bytes)
        state = kTable[(state ^ static_cast<unsigned char>(c)) & 0xFF] ^ (state >> 8);
    return ~state;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous) {
#if defined(__x86_64__)
    static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
    if (has_instruction) return crc32c_by_instruction(bytes, previous);
#endif
    return crc32c_by_table(bytes, previous);
}

}  // namespace lb::frame
