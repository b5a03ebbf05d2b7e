#include "common/event/digest.h"

#include <openssl/evp.h>

#include <array>

#include "common/base/assert.h"

namespace lb::event {

namespace {

std::string digest(const EVP_MD* algorithm, std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned int size = 0;
    const int done = EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, algorithm, nullptr);
    LB_ASSERT(done == 1);
    return {reinterpret_cast<const char*>(out.data()), size};
}

}  // namespace

std::string sha256(std::string_view bytes) {
    return digest(EVP_sha256(), bytes);
}
std::string md5(std::string_view bytes) {
    return digest(EVP_md5(), bytes);
}

}  // namespace lb::event
