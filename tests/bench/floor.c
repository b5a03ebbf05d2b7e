// The least that a program can do which makes one record durable: start, append, sync, end.
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc != 2) return 64;
    char record[400];
    memset(record, 'x', sizeof record);
    const int file = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return 73;
    if (write(file, record, sizeof record) != (ssize_t)sizeof record) return 74;
    return fdatasync(file) == 0 ? 0 : 74;
}
