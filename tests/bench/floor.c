/* The least that a program can do which makes records durable.
     bench_floor FILE                 start, append one, sync, end
     bench_floor FILE APPENDS ROUNDS  so many appends a sync; prints appends a second */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECORD_BYTES = 400 };

static int append(int file, int appends) {
    char record[RECORD_BYTES];
    memset(record, 'x', sizeof record);
    for (int i = 0; i < appends; ++i)
        if (write(file, record, sizeof record) != (ssize_t)sizeof record) return 0;
    return fdatasync(file) == 0;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Over bytes that are written already, as a spool's segment has them. */
static int make_zeros(int file, long bytes) {
    char zeros[RECORD_BYTES] = {0};
    for (long written = 0; written < bytes; written += RECORD_BYTES)
        if (write(file, zeros, sizeof zeros) != (ssize_t)sizeof zeros) return 0;
    return fsync(file) == 0 && lseek(file, 0, SEEK_SET) == 0;
}

int main(int argc, char** argv) {
    if (argc != 2 && argc != 4) return 64;
    const int file = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC | (argc == 2 ? O_APPEND : O_TRUNC), 0600);
    if (file < 0) return 73;
    if (argc == 2) return append(file, 1) ? 0 : 74;
    const int appends = atoi(argv[2]);
    const int rounds = atoi(argv[3]);
    if (!make_zeros(file, (long)appends * rounds * RECORD_BYTES)) return 74;
    const double begin = now();
    for (int round = 0; round < rounds; ++round)
        if (!append(file, appends)) return 74;
    printf("%.0f\n", appends * rounds / (now() - begin));
    return 0;
}
