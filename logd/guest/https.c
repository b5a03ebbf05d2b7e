#define _GNU_SOURCE  // pipe2
#include "logd/guest/https.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOKEN_BYTES_MAX 512
#define ANSWER_BYTES_MAX 4096
#define CONFIGURATION_BYTES_MAX 16384
#define NOT_FOUND 127  // of a shell: there is no such program

// The first line of the token's file. 0, or -1 with a text.
static int read_token(const char* path, char* token, size_t bytes, char* why, size_t why_bytes) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t count = file < 0 ? -1 : read(file, token, bytes - 1);
    const int problem = errno;
    if (file >= 0) close(file);
    if (count < 0) {
        snprintf(why, why_bytes, "%s: %s", path, strerror(problem));
        return -1;
    }
    token[count] = '\0';
    token[strcspn(token, "\r\n")] = '\0';
    if (token[0] != '\0' && strpbrk(token, " \"\\") == NULL) return 0;
    snprintf(why, why_bytes, "%s: no token in its first line", path);
    return -1;
}

struct text {
    char bytes[CONFIGURATION_BYTES_MAX];
    size_t length;
    int is_too_long;
};

// name = "value" of curl's configuration.
static void put_setting(struct text* text, const char* name, const char* before,
                        const char* value) {
    char escaped[CONFIGURATION_BYTES_MAX];
    size_t length = 0;
    for (; *value != '\0' && length + 2 < sizeof escaped; ++value) {
        if (*value == '"' || *value == '\\') escaped[length++] = '\\';
        escaped[length++] = *value;
    }
    escaped[length] = '\0';
    const int count = snprintf(text->bytes + text->length, sizeof text->bytes - text->length,
                               "%s = \"%s%s\"\n", name, before, escaped);
    if (*value != '\0' || count < 0 || (size_t)count >= sizeof text->bytes - text->length)
        text->is_too_long = 1;
    else
        text->length += (size_t)count;
}

// What curl is to do. It reads this from its standard input: arguments are for everybody to see,
// and the token is a secret.
static int configure(struct text* text, const struct https_options* options, const char* token,
                     const char* json) {
    char url[CONFIGURATION_BYTES_MAX];
    char seconds[16];
    if (snprintf(url, sizeof url, "%s/v1/events", options->server) >= (int)sizeof url) return -1;
    snprintf(seconds, sizeof seconds, "%d", (options->timeout_ms + 999) / 1000);
    memset(text, 0, sizeof *text);
    put_setting(text, "url", "", url);
    put_setting(text, "header", "Authorization: Bearer ", token);
    put_setting(text, "header", "Content-Type: ", "application/json");
    put_setting(text, "data-raw", "", json);
    put_setting(text, "max-time", "", seconds);
    put_setting(text, "proto", "", "=https");
    put_setting(text, "write-out", "", "\\n%{http_code}");
    if (options->authority != NULL) put_setting(text, "cacert", "", options->authority);
    return text->is_too_long ? -1 : 0;
}

static void run_curl(int in, int out) {
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
        _exit(NOT_FOUND);
    execlp("curl", "curl", "--disable", "--silent", "--show-error", "--config", "-", (char*)NULL);
    _exit(NOT_FOUND);
}

static void write_all(int file, const char* bytes, size_t count) {
    while (count > 0) {
        const ssize_t written = write(file, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;  // curl has gone; how it ended says why
        bytes += written;
        count -= (size_t)written;
    }
}

static void read_all(int file, char* text, size_t bytes) {
    size_t length = 0;
    char dropped[256];
    for (;;) {
        const int is_full = length + 1 >= bytes;
        const ssize_t count = read(file, is_full ? dropped : text + length,
                                   is_full ? sizeof dropped : bytes - 1 - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        if (!is_full) length += (size_t)count;
    }
    text[length] = '\0';
}

// What curl printed, and how it ended. -1: it could not be started.
static int exchange(const struct text* text, char* answer, size_t bytes) {
    int to[2];
    int from[2];
    if (pipe2(to, O_CLOEXEC) != 0) return -1;
    if (pipe2(from, O_CLOEXEC) != 0) {
        close(to[0]);
        close(to[1]);
        return -1;
    }
    const pid_t child = fork();
    if (child == 0) run_curl(to[0], from[1]);
    close(to[0]);
    close(from[1]);
    if (child > 0) {
        write_all(to[1], text->bytes, text->length);
        close(to[1]);
        read_all(from[0], answer, bytes);
    } else {
        close(to[1]);
    }
    close(from[0]);
    int status = 0;
    if (child < 0) return -1;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static enum https_outcome judge(int http_status) {
    if (http_status == 200) return HTTPS_TAKEN;
    return http_status >= 400 && http_status < 500 && http_status != 408 && http_status != 429
               ? HTTPS_REFUSED
               : HTTPS_AGAIN;
}

enum https_outcome https_send(const struct https_options* options, const char* json, char* why,
                              size_t why_bytes) {
    char token[TOKEN_BYTES_MAX];
    if (options->token_file == NULL) {
        snprintf(why, why_bytes, "a server needs a token: --token-file or LB_GUEST_TOKEN_FILE");
        return HTTPS_REFUSED;
    }
    if (strncmp(options->server, "https://", strlen("https://")) != 0) {
        snprintf(why, why_bytes, "%s does not begin with https://", options->server);
        return HTTPS_REFUSED;
    }
    if (read_token(options->token_file, token, sizeof token, why, why_bytes) != 0)
        return HTTPS_REFUSED;
    struct text text;
    if (configure(&text, options, token, json) != 0) {
        snprintf(why, why_bytes, "that is too long for one event");
        return HTTPS_REFUSED;
    }
    signal(SIGPIPE, SIG_IGN);  // a curl that ends early says why by how it ends
    char answer[ANSWER_BYTES_MAX];
    answer[0] = '\0';
    const int ended = exchange(&text, answer, sizeof answer);
    if (ended != 0) {
        answer[strcspn(answer, "\n")] = '\0';
        snprintf(why, why_bytes, "%s",
                 ended == NOT_FOUND  ? "there is no curl in this system, which HTTPS needs"
                 : answer[0] != '\0' ? answer
                                     : "curl failed");
        return HTTPS_AGAIN;
    }
    char* const line = strrchr(answer, '\n');
    const int http_status = line == NULL ? 0 : atoi(line + 1);
    if (line != NULL) *line = '\0';
    snprintf(why, why_bytes, "%s answers %d: %s", options->server, http_status, answer);
    return judge(http_status);
}
