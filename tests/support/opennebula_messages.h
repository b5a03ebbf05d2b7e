// The messages of OpenNebula in tests/fixtures/opennebula.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "logd/opennebula/document.h"

namespace lb::test {

inline std::string opennebula_file(const std::string& name) {
    const char* const source = std::getenv("LB_SOURCE_DIR");
    std::ifstream in(std::string(source == nullptr ? "." : source) + "/tests/fixtures/opennebula/" +
                     name);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

// The machine of "04-running".
inline opennebula::VmDocument opennebula_vm(const std::string& name) {
    const auto documents = opennebula::parse_documents(opennebula_file(name + ".hook_message.xml"));
    return documents.ok() ? documents->vms.at(0) : opennebula::VmDocument{};
}

}  // namespace lb::test
