#include "logd/daemon/service.h"

int main(int argc, char** argv) {
    return lb::app::run_program(lb::logd::logd_program(), argc, argv);
}
