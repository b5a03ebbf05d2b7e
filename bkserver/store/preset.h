// What texts of one kind have in common, known beforehand: a text that is packed over it holds only
// what is its own. A zstd dictionary; which ones there are: preset/README.md.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

struct ZSTD_CDict_s;
struct ZSTD_DDict_s;

namespace lb::store {

// Thread-safe.
class Preset {
  public:
    // Effort: a level of zstd's.
    Preset(std::string_view dictionary, int effort);

    // Nothing when the result would not be shorter.
    [[nodiscard]] std::optional<std::string> shorter(std::string_view text) const;
    // What shorter() packed. kCorrupt: it did not, or the text would have more than `bytes_max`.
    [[nodiscard]] Result<std::string> whole(std::string_view packed, std::size_t bytes_max) const;

  private:
    struct Free {
        void operator()(ZSTD_CDict_s* dictionary) const;
        void operator()(ZSTD_DDict_s* dictionary) const;
    };
    std::unique_ptr<ZSTD_CDict_s, Free> packing_;
    std::unique_ptr<ZSTD_DDict_s, Free> unpacking_;
};

// Of event bodies, of registers: the ones that are written with.
const Preset& preset_of_bodies();
const Preset& preset_of_registers();

}  // namespace lb::store
