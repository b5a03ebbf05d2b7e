// The way out of the guest: a line to the host, its answer back. A virtio-serial port, or vsock.
#pragma once

#include <stddef.h>

#define LB_GUEST_PORT "org.lb.0"
#define LB_GUEST_LINE_MAX 4096

struct transport_options {
    const char* device;  // NULL: the port called LB_GUEST_PORT
    int vsock_port;      // 0: no vsock
    int timeout_ms;      // of one exchange in all
};

// Milliseconds of a clock that nobody sets.
long long monotonic_ms(void);

// Opens a way to the host; others of this guest may have the port for a moment. A descriptor, or -1
// with a text for people in `why`.
int transport_open(const struct transport_options* options, long long deadline_ms, char* why,
                   size_t why_bytes);

// Waits until something can be written. 0, or -1 after the deadline: no host listens.
int transport_wait_writable(int descriptor, long long deadline_ms);

// Writes all of `line`. 0, or -1 after the deadline or a failure.
int transport_write(int descriptor, const char* line, size_t bytes, long long deadline_ms);

// The next line that comes, without its end, cut at `bytes` - 1. Its length, or -1 after the
// deadline.
int transport_read_line(int descriptor, char* line, size_t bytes, long long deadline_ms);
