#include "bkserver/app/service.h"

int main(int argc, char** argv) {
    return lb::app::run_program(lb::bkserver::bkserver_program(), argc, argv);
}
