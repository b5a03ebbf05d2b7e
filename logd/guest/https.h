// The way out by the network, for guests whose host gives them no channel: one event by HTTPS to
// the bookkeeping server, under a token that is for this machine alone. The system's curl carries
// it: TLS stays out of this program, which is static and small.
#pragma once

#include <stddef.h>

enum https_outcome { HTTPS_TAKEN, HTTPS_REFUSED, HTTPS_AGAIN };

struct https_options {
    const char* server;      // "https://lb.example.org:9000"; NULL: do not
    const char* token_file;  // the token in its first line
    const char* authority;   // PEM file of who signed the server; NULL: the system's
    int timeout_ms;
};

// Sends `json`, one event. For anything but HTTPS_TAKEN `why` has a text for people.
enum https_outcome https_send(const struct https_options* options, const char* json, char* why,
                              size_t why_bytes);
