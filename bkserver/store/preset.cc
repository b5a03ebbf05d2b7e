#include "bkserver/store/preset.h"

#include <zstd.h>

#include <array>

namespace lb::store {

namespace {

// Each frame begins with the same four bytes: they are not kept.
constexpr std::string_view kMagic = "\x28\xb5\x2f\xfd";
static_assert(ZSTD_MAGICNUMBER == 0xFD2FB528);

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

using PackingContext = std::unique_ptr<ZSTD_CCtx, FreeContext>;

// A context is as large as the longest text that it has packed lately made it: 150 KiB by texts of
// this length, megabytes by a long one, in each thread. Longer texts have one of their own.
constexpr std::size_t kOfSharedContextMax = 8192;

// The format in the row tells which dictionary.
PackingContext made_packing_context() {
    PackingContext made(ZSTD_createCCtx());
    if (made != nullptr) ZSTD_CCtx_setParameter(made.get(), ZSTD_c_dictIDFlag, 0);
    return made;
}

// Making one costs more than a short text does.
ZSTD_CCtx* shared_packing_context() {
    thread_local const PackingContext context = made_packing_context();
    return context.get();
}

ZSTD_DCtx* unpacking_context() {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    return context.get();
}

}  // namespace

Preset::Preset(std::string_view dictionary, int effort)
    : packing_(ZSTD_createCDict(dictionary.data(), dictionary.size(), effort)),
      unpacking_(ZSTD_createDDict(dictionary.data(), dictionary.size())) {}

void Preset::Free::operator()(ZSTD_CDict_s* dictionary) const {
    ZSTD_freeCDict(dictionary);
}
void Preset::Free::operator()(ZSTD_DDict_s* dictionary) const {
    ZSTD_freeDDict(dictionary);
}

std::optional<std::string> Preset::shorter(std::string_view text) const {
    const PackingContext own = text.size() > kOfSharedContextMax ? made_packing_context() : nullptr;
    ZSTD_CCtx* const context = own != nullptr ? own.get() : shared_packing_context();
    if (context == nullptr || packing_ == nullptr) return std::nullopt;
    // What did not fit last time has left the context in the midst of a frame.
    ZSTD_CCtx_reset(context, ZSTD_reset_session_only);
    if (ZSTD_isError(ZSTD_CCtx_refCDict(context, packing_.get())) != 0) return std::nullopt;
    // Room for what is shorter only: longer does not fit, which is an error of zstd's.
    std::string frame(text.size() + kMagic.size(), '\0');
    const std::size_t size =
        ZSTD_compress2(context, frame.data(), frame.size(), text.data(), text.size());
    if (ZSTD_isError(size) != 0 || size >= frame.size()) return std::nullopt;
    return frame.substr(kMagic.size(), size - kMagic.size());
}

Result<std::string> Preset::whole(std::string_view packed, std::size_t bytes_max) const {
    const Error corrupt = {ErrorCode::kCorrupt, "stored bytes do not expand"};
    ZSTD_DCtx* const context = unpacking_context();
    const std::string frame = std::string(kMagic).append(packed);
    const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
    // The marks of an unknown size are greater, too.
    if (context == nullptr || unpacking_ == nullptr || size > bytes_max) return corrupt;
    std::string text(static_cast<std::size_t>(size), '\0');
    if (ZSTD_decompress_usingDDict(context, text.data(), text.size(), frame.data(), frame.size(),
                                   unpacking_.get()) != size)
        return corrupt;
    return text;
}

}  // namespace lb::store
