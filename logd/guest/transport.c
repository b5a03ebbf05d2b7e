#include "logd/guest/transport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORTS_DIRECTORY "/dev/virtio-ports/"
#define PORTS_OF_KERNEL "/sys/class/virtio-ports"
#define RETRY_MS 50

long long monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(long milliseconds) {
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

// Whether the kernel's port `entry` is called LB_GUEST_PORT: for systems without udev.
static int is_our_port(const char* entry) {
    char path[320];
    char name[64] = "";
    snprintf(path, sizeof path, PORTS_OF_KERNEL "/%s/name", entry);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    const ssize_t count = read(file, name, sizeof name - 1);
    close(file);
    if (count <= 0) return 0;
    name[strcspn(name, "\n")] = '\0';
    return strcmp(name, LB_GUEST_PORT) == 0;
}

static int find_port(char* path, size_t bytes) {
    snprintf(path, bytes, "%s", PORTS_DIRECTORY LB_GUEST_PORT);
    if (access(path, F_OK) == 0) return 0;
    DIR* const ports = opendir(PORTS_OF_KERNEL);
    if (ports == NULL) return -1;
    int found = -1;
    for (struct dirent* entry = readdir(ports); entry != NULL && found != 0;
         entry = readdir(ports)) {
        if (!is_our_port(entry->d_name)) continue;
        snprintf(path, bytes, "/dev/%.64s", entry->d_name);
        found = 0;
    }
    closedir(ports);
    return found;
}

static int open_vsock(int port) {
    struct sockaddr_vm host;
    memset(&host, 0, sizeof host);
    host.svm_family = AF_VSOCK;
    host.svm_cid = VMADDR_CID_HOST;
    host.svm_port = (unsigned)port;
    const int descriptor = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (connect(descriptor, (const struct sockaddr*)&host, sizeof host) == 0) return descriptor;
    const int problem = errno;
    close(descriptor);
    errno = problem;
    return -1;
}

int transport_open(const struct transport_options* options, long long deadline_ms, char* why,
                   size_t why_bytes) {
    for (;;) {
        char path[128];
        int is_found = 1;
        if (options->device != NULL)
            snprintf(path, sizeof path, "%s", options->device);
        else
            is_found = find_port(path, sizeof path) == 0;
        int descriptor = -1;
        if (is_found) descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (descriptor >= 0) return descriptor;
        if (is_found)
            snprintf(why, why_bytes, "%s: %s", path, strerror(errno));
        else
            snprintf(why, why_bytes, "there is no virtio-serial port " LB_GUEST_PORT);
        // A port is open once at a time: another lb-guest may speak just now.
        const int is_busy = is_found && errno == EBUSY;
        if (!is_busy && options->vsock_port != 0) {
            descriptor = open_vsock(options->vsock_port);
            if (descriptor >= 0) return descriptor;
            if (!is_found)
                snprintf(why, why_bytes, "no port " LB_GUEST_PORT ", and vsock: %s",
                         strerror(errno));
        }
        if (!is_busy || monotonic_ms() >= deadline_ms) return -1;
        pause_ms(RETRY_MS);
    }
}

static int wait_for(int descriptor, short events, long long deadline_ms) {
    for (;;) {
        const long long left = deadline_ms - monotonic_ms();
        if (left <= 0) return -1;
        struct pollfd waited = {descriptor, events, 0};
        const int ready = poll(&waited, 1, (int)left);
        if (ready > 0 && (waited.revents & events) != 0) return 0;
        // A port whose host end is closed says so at once, again and again.
        if (ready > 0) pause_ms(RETRY_MS);
        if (ready < 0 && errno != EINTR) return -1;
    }
}

int transport_wait_writable(int descriptor, long long deadline_ms) {
    return wait_for(descriptor, POLLOUT, deadline_ms);
}

int transport_write(int descriptor, const char* line, size_t bytes, long long deadline_ms) {
    while (bytes > 0) {
        if (wait_for(descriptor, POLLOUT, deadline_ms) != 0) return -1;
        const ssize_t written = write(descriptor, line, bytes);
        if (written < 0 && errno != EAGAIN && errno != EINTR) return -1;
        if (written <= 0) continue;
        line += written;
        bytes -= (size_t)written;
    }
    return 0;
}

int transport_read_line(int descriptor, char* line, size_t bytes, long long deadline_ms) {
    size_t length = 0;
    for (;;) {
        if (wait_for(descriptor, POLLIN, deadline_ms) != 0) return -1;
        char c;
        const ssize_t count = read(descriptor, &c, 1);
        if (count < 0 && errno != EAGAIN && errno != EINTR) return -1;
        if (count == 0) pause_ms(RETRY_MS);  // the host's end is closed; it may come back
        if (count <= 0) continue;
        if (c == '\n') break;
        if (length + 1 < bytes) line[length++] = c;
    }
    line[length] = '\0';
    return (int)length;
}
