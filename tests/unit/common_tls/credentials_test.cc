// Credentials that are renewed under a running process.
#include "common/tls/credentials.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/tls/pki.h"

using namespace lb;

namespace {

// An authority and a certificate in a directory of their own.
struct Files {
    Files() {
        std::string pattern = "/tmp/lb-test-tls-XXXXXX";
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        directory = pattern;
        REQUIRE(tls::make_authority({.directory = directory}).ok());
        issue("node1");
    }
    ~Files() { std::filesystem::remove_all(directory); }

    void issue(const std::string& name) const {
        REQUIRE(tls::issue_certificate(directory, {.dn = "/O=lb/CN=" + name,
                                                   .host_names = {name},
                                                   .certificate_file = directory + "/node.pem",
                                                   .key_file = directory + "/node.key"})
                    .ok());
    }
    [[nodiscard]] std::shared_ptr<tls::Credentials> load() const {
        auto loaded =
            tls::Credentials::load({directory + "/node.pem", directory + "/node.key", directory});
        REQUIRE(loaded.ok());
        return std::move(*loaded);
    }

    std::string directory;
};

}  // namespace

TEST_CASE("files that stay as they are, are not read again") {
    const Files files;
    const auto credentials = files.load();
    const auto context = credentials->server_context();
    CHECK(credentials->reload_if_changed().value() == false);
    CHECK(credentials->server_context() == context);
}

TEST_CASE("a renewed certificate and a renewed revocation list are taken over") {
    const Files files;
    const auto credentials = files.load();
    files.issue("node2");
    CHECK(credentials->reload_if_changed().value() == true);
    CHECK(credentials->own_identity().dn == "/O=lb/CN=node2");
    const auto context = credentials->server_context();
    REQUIRE(tls::revoke_certificate(files.directory, files.directory + "/node.pem").ok());
    CHECK(credentials->reload_if_changed().value() == true);
    CHECK(credentials->server_context() != context);
    CHECK(credentials->reload_if_changed().value() == false);
}

TEST_CASE("what cannot be read leaves the old in use, and is tried again") {
    const Files files;
    const auto credentials = files.load();
    const auto context = credentials->server_context();
    std::ofstream(files.directory + "/node.pem") << "half a certific";
    CHECK_FALSE(credentials->reload_if_changed().ok());
    CHECK_FALSE(credentials->reload_if_changed().ok());
    CHECK(credentials->server_context() == context);
    files.issue("node1");
    CHECK(credentials->reload_if_changed().value() == true);
}
