// lb-agent-libvirt: see service.h.
#include "logd/libvirt_agent/service.h"

int main(int argc, char** argv) {
    return lb::app::run_program(lb::libvirt_agent::agent_program(), argc, argv);
}
