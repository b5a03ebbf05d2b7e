// /init of the guest that tests boot: the least that a real system does. It loads the modules that
// lie beside it, lets lb-guest speak as a system's units would, and powers itself off.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// In the order of their dependencies.
static const char* const kModules[] = {"virtio_ring",
                                       "virtio",
                                       "virtio_pci_legacy_dev",
                                       "virtio_pci_modern_dev",
                                       "virtio_pci",
                                       "virtio_console",
                                       "vsock",
                                       "vmw_vsock_virtio_transport_common",
                                       "vmw_vsock_virtio_transport"};

static void load_modules(void) {
    for (unsigned i = 0; i < sizeof kModules / sizeof kModules[0]; ++i) {
        char path[64];
        snprintf(path, sizeof path, "/modules/%s.ko", kModules[i]);
        const int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;  // built into the kernel
        if (syscall(SYS_finit_module, file, "", 0) != 0) perror(path);
        close(file);
    }
}

static int run(const char* const* command) {
    printf("test:");
    for (const char* const* word = command; *word != NULL; ++word) printf(" %s", *word);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        execv("/lb-guest", (char* const*)command);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf(" -> %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    fflush(stdout);
    return status;
}

#define LB_GUEST(...) run((const char* const[]){"lb-guest", __VA_ARGS__, NULL})

int main(void) {
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    const int console = open("/dev/ttyS0", O_RDWR);
    for (int i = 0; console >= 0 && i < 3; ++i) dup2(console, i);
    load_modules();
    LB_GUEST("running", "--timeout", "60");
    LB_GUEST("tag", "role=web server");
    LB_GUEST("tag", "a=b", "--device", "/dev/null", "--timeout", "1");  // where no host listens
    LB_GUEST("heartbeat");
    sleep(3);
    LB_GUEST("shutdown", "--reason", "kernel update");
    sync();
    reboot(RB_POWER_OFF);
    return 0;
}
