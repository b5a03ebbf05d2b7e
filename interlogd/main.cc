#include "interlogd/service.h"

int main(int argc, char** argv) {
    return lb::app::run_program(lb::interlogd::interlogd_program(), argc, argv);
}
