// Integers in the byte order of our formats, whatever the processor's: little-endian.
#pragma once

#include <concepts>
#include <cstddef>

namespace lb {

// Writes `value` to the sizeof(T) bytes at `target`.
template <std::unsigned_integral T>
constexpr void store_little_endian(char* target, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        target[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

// Reads the sizeof(T) bytes at `source`.
template <std::unsigned_integral T>
constexpr T load_little_endian(const char* source) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = static_cast<T>(
            value |
            static_cast<T>(static_cast<T>(static_cast<unsigned char>(source[i])) << (8 * i)));
    return value;
}

}  // namespace lb
