// lb-guest: what runs inside a virtual machine. It tells the host that its system is up, alive or
// going down, on a channel of the hypervisor's, so that no network and no configuration is needed;
// where there is no channel, the bookkeeping server itself, over HTTPS with a token.
// Static, without any library but libc. The protocol: logd/guest_agent/CHANNEL.md.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "logd/guest/https.h"
#include "logd/guest/transport.h"

enum exit_code { DONE = 0, USAGE = 64, REFUSED = 65, TRY_AGAIN = 75 };

#define ID_BYTES 16
#define DEFAULT_VSOCK_PORT 9010
#define DEFAULT_TIMEOUT_S 5
#define DEFAULT_PERIOD_S 60
#define PERIOD_S_MAX 86400

static const char kHelp[] =
    "usage: lb-guest running\n"
    "       lb-guest heartbeat\n"
    "       lb-guest shutdown [--reason TEXT]\n"
    "       lb-guest tag NAME=VALUE\n"
    "       lb-guest --daemon [--period SECONDS]\n"
    "\n"
    "Tells the host of this virtual machine that its system is up, that it is alive, that it goes\n"
    "down, or a tag of yours. The host knows which machine speaks. Needs no network.\n"
    "\n"
    "  --daemon          say running, then heartbeats, until stopped\n"
    "  --period SECONDS  between heartbeats; default 60\n"
    "  --reason TEXT     why it goes down\n"
    "  --device PATH     the port; default LB_GUEST_DEVICE, else the virtio-serial port org.lb.0\n"
    "  --vsock PORT      of the host, if there is no virtio-serial port; default 9010, 0: never\n"
    "  --timeout SECONDS of one word in all; default 5\n"
    "\n"
    "where the host has no channel, by the network (needs curl in the guest):\n"
    "  --server URL      of the bookkeeping, https://HOST:9000; default LB_GUEST_SERVER\n"
    "  --token-file PATH a token for this machine alone: lbctl token issue; default "
    "LB_GUEST_TOKEN_FILE\n"
    "  --authority PATH  PEM file of who signed the server; default LB_GUEST_CA, else the "
    "system's\n"
    "\n"
    "  --version, --help\n"
    "\n"
    "examples:\n"
    "  lb-guest shutdown --reason 'kernel update'\n"
    "  lb-guest tag role=web\n"
    "\n"
    "exit: 0 the host has it on disk (the server has it), 64 wrong usage, 65 refused, 75 nobody "
    "listens\n";

struct command {
    const char* word;
    const char* name;  // of the one field; NULL: none
    const char* value;
    size_t name_bytes;
    int is_daemon;
    int period_s;
    struct transport_options transport;
    struct https_options https;
};

static volatile sig_atomic_t is_stopping = 0;

static void stop(int signal) {
    (void)signal;
    is_stopping = 1;
}

static int usage(const char* what, const char* which) {
    fprintf(stderr, "lb-guest: %s%s; lb-guest --help shows what there is\n", what, which);
    return USAGE;
}

// ---- a line

struct line {
    char text[LB_GUEST_LINE_MAX];
    size_t bytes;
    int is_too_long;
};

static void put(struct line* line, const char* text, size_t bytes) {
    if (line->bytes + bytes >= sizeof line->text) {
        line->is_too_long = 1;
        return;
    }
    memcpy(line->text + line->bytes, text, bytes);
    line->bytes += bytes;
}

static void put_text(struct line* line, const char* text) {
    put(line, text, strlen(text));
}

static void put_escaped(struct line* line, const char* text) {
    for (; *text != '\0'; ++text) {
        const unsigned char byte = (unsigned char)*text;
        char out[4] = {*text, '\0', '\0', '\0'};
        if (byte <= 0x20 || byte >= 0x7f || byte == '%') snprintf(out, sizeof out, "%%%02x", byte);
        put_text(line, out);
    }
}

static void make_id(char id[ID_BYTES * 2 + 1]) {
    unsigned char bytes[ID_BYTES];
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != (ssize_t)sizeof bytes) {
        // Early in a boot the kernel may have no entropy yet: the clocks tell boots apart.
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        const unsigned long long words[2] = {
            (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec,
            (unsigned long long)monotonic_ms() << 20 | (unsigned long long)getpid()};
        memcpy(bytes, words, sizeof bytes);
    }
    for (int i = 0; i < ID_BYTES; ++i) snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static void make_line(struct line* line, const struct command* command, const char* id,
                      long long happened_ms) {
    char age[32];
    memset(line, 0, sizeof *line);
    snprintf(age, sizeof age, " %lld ", monotonic_ms() - happened_ms);
    put_text(line, "lb1 ");
    put_text(line, id);
    put_text(line, age);
    put_text(line, command->word);
    if (command->name != NULL) {
        put_text(line, " ");
        put(line, command->name, command->name_bytes);
        put_text(line, "=");
        put_escaped(line, command->value);
    }
    put_text(line, "\n");
}

// ---- an exchange

// The answer to `id`: DONE, REFUSED or TRY_AGAIN; older answers are stepped over.
static int read_answer(int descriptor, const char* id, long long deadline_ms) {
    char answer[LB_GUEST_LINE_MAX];
    while (transport_read_line(descriptor, answer, sizeof answer, deadline_ms) >= 0) {
        char outcome[16] = "";
        char of[64] = "";
        if (sscanf(answer, "lb1 %63s %15s", of, outcome) != 2 || strcmp(of, id) != 0) continue;
        if (strcmp(outcome, "ok") == 0) return DONE;
        fprintf(stderr, "lb-guest: the host says: %s\n", answer + strlen("lb1 ") + strlen(of) + 1);
        return strcmp(outcome, "refused") == 0 ? REFUSED : TRY_AGAIN;
    }
    fprintf(stderr, "lb-guest: the host did not answer in time\n");
    return TRY_AGAIN;
}

// ---- an event over HTTPS

static const struct {
    const char* word;
    const char* type;
} kTypes[] = {{"running", "VMRunning"},
              {"heartbeat", "VMHeartbeat"},
              {"shutdown", "VMShutdown"},
              {"tag", "UserTag"}};

static void put_json_text(struct line* line, const char* text, size_t bytes) {
    put_text(line, "\"");
    for (size_t i = 0; i < bytes; ++i) {
        const unsigned char byte = (unsigned char)text[i];
        char out[8] = {text[i], '\0'};
        if (byte < 0x20 || byte == '"' || byte == '\\') snprintf(out, sizeof out, "\\u%04x", byte);
        put_text(line, out);
    }
    put_text(line, "\"");
}

// The time is left to the server: the clock of a guest that boots may be years off.
static void make_json(struct line* line, const struct command* command) {
    memset(line, 0, sizeof *line);
    put_text(line, "{\"source\":\"VMSystem\",\"type\":\"");
    for (size_t i = 0; i < sizeof kTypes / sizeof kTypes[0]; ++i)
        if (strcmp(command->word, kTypes[i].word) == 0) put_text(line, kTypes[i].type);
    put_text(line, "\"");
    const int is_tag = strcmp(command->word, "tag") == 0;
    // When a system came up is told by its event: that has no field for it.
    if (command->name != NULL && strcmp(command->word, "running") != 0) {
        put_text(line, ",\"fields\":{");
        if (is_tag) {
            put_text(line, "\"name\":");
            put_json_text(line, command->name, command->name_bytes);
            put_text(line, ",\"value\":");
        } else {
            put_json_text(line, command->name, command->name_bytes);
            put_text(line, ":");
        }
        put_json_text(line, command->value, strlen(command->value));
        put_text(line, "}");
    }
    put_text(line, "}");
}

static int say_by_https(const struct command* command) {
    struct line json;
    make_json(&json, command);
    if (json.is_too_long) return usage("that is too long for one event", "");
    char why[1024] = "";
    switch (https_send(&command->https, json.text, why, sizeof why)) {
        case HTTPS_TAKEN:
            return DONE;
        case HTTPS_REFUSED:
            fprintf(stderr, "lb-guest: %s\n", why);
            return REFUSED;
        case HTTPS_AGAIN:
            break;
    }
    fprintf(stderr, "lb-guest: %s\n", why);
    return TRY_AGAIN;
}

static int say(const struct command* command) {
    if (command->https.server != NULL) return say_by_https(command);
    const long long happened_ms = monotonic_ms();
    const long long deadline_ms = happened_ms + command->transport.timeout_ms;
    char why[256] = "";
    const int descriptor = transport_open(&command->transport, deadline_ms, why, sizeof why);
    if (descriptor < 0) {
        fprintf(stderr, "lb-guest: %s\n", why);
        return TRY_AGAIN;
    }
    char id[ID_BYTES * 2 + 1];
    make_id(id);
    int outcome = TRY_AGAIN;
    struct line line;
    if (transport_wait_writable(descriptor, deadline_ms) != 0) {
        fprintf(stderr, "lb-guest: nobody listens on the host\n");
    } else {
        make_line(&line, command, id, happened_ms);  // now, so that its age is right
        if (line.is_too_long)
            outcome = usage("that is too long for one line", "");
        else if (transport_write(descriptor, line.text, line.bytes, deadline_ms) != 0)
            fprintf(stderr, "lb-guest: writing to the host: %s\n", strerror(errno));
        else
            outcome = read_answer(descriptor, id, deadline_ms);
    }
    close(descriptor);
    return outcome;
}

// Seconds since boot as the value of uptime_s.
static int say_alive(struct command* command, const char* word) {
    char uptime[32];
    snprintf(uptime, sizeof uptime, "%lld", monotonic_ms() / 1000);
    command->word = word;
    command->name = "uptime_s";
    command->name_bytes = strlen(command->name);
    command->value = uptime;
    return say(command);
}

static void sleep_until_stopped(int seconds) {
    const struct timespec time = {seconds, 0};
    if (!is_stopping) nanosleep(&time, NULL);
}

static int run_daemon(struct command* command) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = stop;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    while (!is_stopping && say_alive(command, "running") == TRY_AGAIN)
        sleep_until_stopped(command->transport.timeout_ms / 1000 + 1);
    while (!is_stopping) {
        sleep_until_stopped(command->period_s);
        if (!is_stopping) say_alive(command, "heartbeat");
    }
    return DONE;
}

// ---- the command line

static int number_of(const char* text, int least, int greatest, int* number) {
    char* end = NULL;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > greatest) return -1;
    *number = (int)value;
    return 0;
}

static int take_option(struct command* command, const char* name, const char* value) {
    int seconds = 0;
    if (value == NULL) return usage("a value is missing after ", name);
    if (strcmp(name, "--device") == 0) {
        command->transport.device = value;
    } else if (strcmp(name, "--server") == 0) {
        command->https.server = value;
    } else if (strcmp(name, "--token-file") == 0) {
        command->https.token_file = value;
    } else if (strcmp(name, "--authority") == 0) {
        command->https.authority = value;
    } else if (strcmp(name, "--vsock") == 0) {
        if (number_of(value, 0, 65535, &command->transport.vsock_port) != 0)
            return usage("--vsock takes a port, not ", value);
    } else if (strcmp(name, "--period") == 0) {
        if (number_of(value, 1, PERIOD_S_MAX, &command->period_s) != 0)
            return usage("--period takes seconds, not ", value);
    } else if (strcmp(name, "--timeout") == 0) {
        if (number_of(value, 1, 3600, &seconds) != 0)
            return usage("--timeout takes seconds, not ", value);
        command->transport.timeout_ms = seconds * 1000;
    } else if (strcmp(name, "--reason") == 0) {
        command->name = "reason";
        command->name_bytes = strlen(command->name);
        command->value = value;
    } else {
        return usage("there is no option ", name);
    }
    return DONE;
}

static int take_tag(struct command* command, const char* text) {
    const char* const equals = strchr(text, '=');
    if (equals == NULL || equals == text) return usage("tag takes NAME=VALUE, not ", text);
    command->name = text;
    command->name_bytes = (size_t)(equals - text);
    command->value = equals + 1;
    return DONE;
}

static int take_word(struct command* command, const char* word) {
    if (command->word != NULL && strcmp(command->word, "tag") == 0 && command->name == NULL)
        return take_tag(command, word);
    if (command->word != NULL) return usage("one word at a time, please: ", word);
    command->word = word;
    for (const char* const* known =
             (const char* const[]){"running", "heartbeat", "shutdown", "tag", NULL};
         *known != NULL; ++known)
        if (strcmp(word, *known) == 0) return DONE;
    return usage("there is no word ", word);
}

static int parse(struct command* command, int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const char* const argument = argv[i];
        int outcome = DONE;
        if (strcmp(argument, "--daemon") == 0)
            command->is_daemon = 1;
        else if (argument[0] == '-')
            outcome = take_option(command, argument, argv[++i]);
        else
            outcome = take_word(command, argument);
        if (outcome != DONE) return outcome;
    }
    if (command->is_daemon == (command->word != NULL))
        return usage("say what: running, heartbeat, shutdown, tag or --daemon", "");
    if (command->word != NULL && strcmp(command->word, "tag") == 0 && command->name == NULL)
        return usage("tag takes NAME=VALUE", "");
    if (command->name != NULL && strcmp(command->name, "reason") == 0 &&
        (command->word == NULL || strcmp(command->word, "shutdown") != 0))
        return usage("--reason is for shutdown", "");
    return DONE;
}

int main(int argc, char** argv) {
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return fputs(kHelp, stdout) < 0;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) return puts("lb-guest " LB_VERSION) < 0;
    struct command command;
    memset(&command, 0, sizeof command);
    command.period_s = DEFAULT_PERIOD_S;
    command.transport.device = getenv("LB_GUEST_DEVICE");
    command.transport.vsock_port = DEFAULT_VSOCK_PORT;
    command.transport.timeout_ms = DEFAULT_TIMEOUT_S * 1000;
    command.https.server = getenv("LB_GUEST_SERVER");
    command.https.token_file = getenv("LB_GUEST_TOKEN_FILE");
    command.https.authority = getenv("LB_GUEST_CA");
    const int outcome = parse(&command, argc, argv);
    if (outcome != DONE) return outcome;
    command.https.timeout_ms = command.transport.timeout_ms;
    if (command.is_daemon) return run_daemon(&command);
    if (strcmp(command.word, "running") == 0 || strcmp(command.word, "heartbeat") == 0)
        return say_alive(&command, command.word);
    return say(&command);
}
