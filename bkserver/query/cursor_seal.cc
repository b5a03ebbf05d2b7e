#include "bkserver/query/cursor_seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <memory>

#include "common/base/assert.h"

namespace lb::query {

namespace {

// A sealed cursor: a nonce, a tag, and the cursor, padded and encrypted by AES-256-GCM under a key
// of its own, which is derived from the secret, the nonce and the kind of question.
constexpr std::size_t kNonceBytes = 16;
constexpr int kTagBytes = 16;
constexpr std::size_t kPaddedToBytes = 64;
constexpr char kEndOfCursor = '\x80';

using Key = std::array<unsigned char, 32>;
// One message a key: it needs no other one.
constexpr std::array<unsigned char, 12> kInitialVector = {};

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

std::string padded(std::string_view cursor) {
    std::string text(cursor);
    text += kEndOfCursor;
    text.resize((text.size() + kPaddedToBytes - 1) / kPaddedToBytes * kPaddedToBytes, '\0');
    return text;
}

Key key_of(const std::string& secret, std::string_view nonce, CursorSeal::Question question) {
    std::string what = "cursor " + std::to_string(static_cast<int>(question)) + " ";
    what += nonce;
    Key key{};
    unsigned size = 0;
    const void* const done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                                  bytes_of(what), what.size(), key.data(), &size);
    LB_ASSERT(done != nullptr);
    LB_ASSERT(size == key.size());
    return key;
}

Error no_cursor() {
    return {ErrorCode::kReject,
            "the cursor is none that this server gave for this question; ask again without one"};
}

}  // namespace

std::string CursorSeal::seal(std::string_view cursor, Question question) const {
    if (cursor.empty()) return {};
    std::string text = padded(cursor);
    std::string nonce(kNonceBytes, '\0');
    std::string tag(kTagBytes, '\0');
    const int is_random = RAND_bytes(bytes_of(nonce), static_cast<int>(nonce.size()));
    LB_ASSERT(is_random == 1);
    const Key key = key_of(secret_, nonce, question);
    const Context context(EVP_CIPHER_CTX_new());
    int size = 0;
    const bool is_sealed =
        EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                           kInitialVector.data()) == 1 &&
        EVP_EncryptUpdate(context.get(), bytes_of(text), &size, bytes_of(text),
                          static_cast<int>(text.size())) == 1 &&
        EVP_EncryptFinal_ex(context.get(), bytes_of(text) + size, &size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1;
    LB_ASSERT(is_sealed);
    return nonce + tag + text;
}

Result<std::string> CursorSeal::open(std::string_view sealed, Question question) const {
    constexpr std::size_t kHeadBytes = kNonceBytes + kTagBytes;
    if (sealed.size() <= kHeadBytes || (sealed.size() - kHeadBytes) % kPaddedToBytes != 0)
        return no_cursor();
    const Key key = key_of(secret_, sealed.substr(0, kNonceBytes), question);
    std::string tag(sealed.substr(kNonceBytes, kTagBytes));
    std::string text(sealed.substr(kHeadBytes));
    const Context context(EVP_CIPHER_CTX_new());
    int size = 0;
    const bool is_ours =
        EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(),
                           kInitialVector.data()) == 1 &&
        EVP_DecryptUpdate(context.get(), bytes_of(text), &size, bytes_of(text),
                          static_cast<int>(text.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(context.get(), bytes_of(text) + size, &size) == 1;
    const std::size_t end = is_ours ? text.rfind(kEndOfCursor) : std::string::npos;
    if (end == std::string::npos) return no_cursor();
    text.resize(end);
    return text;
}

}  // namespace lb::query
