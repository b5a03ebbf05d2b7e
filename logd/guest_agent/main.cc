// lb-agent-guest: see service.h.
#include "logd/guest_agent/service.h"

int main(int argc, char** argv) {
    return lb::app::run_program(lb::guest_agent::agent_program(), argc, argv);
}
