// The little of the protobuf encoding that an event needs: varints, fixed 64-bit and
// length-delimited fields. Readers never step over their end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lb::event::wire {

enum class WireType : std::uint8_t {
    kVarint = 0,
    kFixed64 = 1,
    kLengthDelimited = 2,
    kFixed32 = 5
};

inline void put_varint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out += static_cast<char>(value | 0x80);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

inline void put_tag(std::string& out, std::uint32_t number, WireType type) {
    put_varint(out, (std::uint64_t{number} << 3) | static_cast<std::uint64_t>(type));
}

inline void put_number(std::string& out, std::uint32_t number, std::uint64_t value) {
    put_tag(out, number, WireType::kVarint);
    put_varint(out, value);
}

inline void put_bytes(std::string& out, std::uint32_t number, std::string_view bytes) {
    put_tag(out, number, WireType::kLengthDelimited);
    put_varint(out, bytes.size());
    out += bytes;
}

inline void put_real(std::string& out, std::uint32_t number, double value) {
    put_tag(out, number, WireType::kFixed64);
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(bits >> shift);
}

// One field as it was read. `number_value` for varints and fixed ones, `bytes` for the rest.
struct Field {
    std::uint32_t number = 0;
    WireType type = WireType::kVarint;
    std::uint64_t number_value = 0;
    std::string_view bytes;

    [[nodiscard]] double real() const { return std::bit_cast<double>(number_value); }
};

class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    // False when the bytes are no field: nothing more can be read then.
    bool next(Field& field) {
        std::uint64_t tag = 0;
        if (!varint(tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return false;
        field.number = static_cast<std::uint32_t>(tag >> 3);
        field.bytes = {};
        field.number_value = 0;
        switch (tag & 7) {
            case 0:
                field.type = WireType::kVarint;
                return varint(field.number_value);
            case 1:
                field.type = WireType::kFixed64;
                return fixed(8, field.number_value);
            case 2:
                field.type = WireType::kLengthDelimited;
                return delimited(field.bytes);
            case 5:
                field.type = WireType::kFixed32;
                return fixed(4, field.number_value);
            default:
                return false;  // groups have been out of the language since proto2
        }
    }

  private:
    bool varint(std::uint64_t& value) {
        value = 0;
        for (unsigned shift = 0; shift < 70; shift += 7) {
            if (rest_.empty()) return false;
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
            if ((byte & 0x80) == 0) return true;
        }
        return false;
    }

    bool fixed(std::size_t size, std::uint64_t& value) {
        if (rest_.size() < size) return false;
        value = 0;
        for (std::size_t i = 0; i < size; ++i)
            value |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
        rest_.remove_prefix(size);
        return true;
    }

    bool delimited(std::string_view& bytes) {
        std::uint64_t size = 0;
        if (!varint(size) || size > rest_.size()) return false;
        bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
    }

    std::string_view rest_;
};

}  // namespace lb::event::wire
