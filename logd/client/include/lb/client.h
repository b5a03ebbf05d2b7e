/* The producer's library: log events of virtual machines, jobs and transfers to the local logger.
 *
 * A context holds the connection and defaults; an event is built field by field and logged. Every
 * function is safe to call from several threads; one event object belongs to one thread at a time.
 * Texts are UTF-8, copied by the call. No function throws, prints or exits. ABI.md says what is
 * stable. */
#ifndef LB_CLIENT_H
#define LB_CLIENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LB_API __attribute__((visibility("default")))
#else
#define LB_API
#endif

/* Bytes of an event id as text with its final zero: 8-4-4-4-12 hexadecimal digits. */
#define LB_EVENT_ID_TEXT 37

/* Bytes of a sequence code as text with its final zero; longer ones are refused. */
#define LB_SEQUENCE_CODE_TEXT 256

typedef struct lb_context lb_context;
typedef struct lb_event lb_event;

/* What became of a call. 0 and above: the event will not be lost. Below: it was not taken. */
typedef enum lb_outcome {
    LB_DURABLE = 0,     /* on the logger's disk */
    LB_COMMITTED = 1,   /* settled by the server (synchronous calls only) */
    LB_DROPPED = 2,     /* in the drop directory; the logger fetches it */
    LB_ERR_RETRY = -1,  /* the logger could not be reached, nor the drop directory: try again */
    LB_ERR_REJECT = -2, /* wrong field, value, id or option: trying again will not help */
    LB_ERR_DENIED = -3, /* this caller may not log this */
    LB_ERR_FULL = -4,   /* a limit is reached: disk, size, queue */
    LB_ERR_BUG = -5     /* out of memory or a broken promise of the library */
} lb_outcome;

typedef enum lb_option {
    LB_OPTION_SOCKET = 1, /* path of the logger's socket; default LB_SOCKET or /run/lb/logd.sock */
    LB_OPTION_DROP_DIR = 2,   /* drop directory; empty text: none */
    LB_OPTION_TIMEOUT_MS = 3, /* of one lb_log call in all; default 1000 */
    LB_OPTION_SOURCE = 4,     /* who speaks: "VMManager", "LRMS", ... Needed. */
    LB_OPTION_INSTANCE = 5,   /* instance of the source */
    LB_OPTION_HOST = 6,       /* default: this host's name */
    /* The sequence code that came with the job (empty text: it begins here), after
     * LB_OPTION_SOURCE. The source's own counter goes up once now and once after each event; events
     * without a sequence code of their own are logged with it. lb_sequence_code() says what to hand
     * on. */
    LB_OPTION_SEQUENCE_CODE = 7,
    /* "tls://HOST:PORT": another host's logger instead of this one's socket; default LB_LOGGER. It
     * needs the library liblb-remote, and the three files below. The default drop directory is not
     * used then; LB_OPTION_DROP_DIR after it names one. */
    LB_OPTION_LOGGER = 8,
    LB_OPTION_CERTIFICATE = 9, /* a PEM file; default LB_CERT */
    LB_OPTION_KEY = 10,        /* its key, PEM; default LB_KEY */
    LB_OPTION_AUTHORITIES = 11 /* trusted ones: PEM bundle or directory; default LB_CA */
} lb_option;

/* NULL when there is no memory. */
LB_API lb_context* lb_context_new(void);
LB_API void lb_context_free(lb_context* context);
/* Options count from the next event on; LB_OPTION_SOCKET, _DROP_DIR, _TIMEOUT_MS, _LOGGER and the
 * files of the latter before the first. */
LB_API lb_outcome lb_context_set(lb_context* context, lb_option option, const char* value);

/* A new event of the type called `type` ("VMRunning"); NULL when there is no such type. */
LB_API lb_event* lb_event_new(const char* type);
LB_API void lb_event_free(lb_event* event);
/* Sets a field of the type ("hostname"), or one of the header: "sequence_code", "user", "level". */
LB_API lb_outcome lb_event_set(lb_event* event, const char* field, const char* value);
/* Microseconds since 1970-01-01 UTC; default: the moment of lb_log. */
LB_API lb_outcome lb_event_set_time_us(lb_event* event, int64_t time_us);
/* Marks the event as a look: what was found at (re)connect, not what happened. */
LB_API lb_outcome lb_event_set_resync(lb_event* event, int is_resync);
/* An extension: a name and a text of the producer's own. */
LB_API lb_outcome lb_event_set_attribute(lb_event* event, const char* name, const char* value);

/* Logs `event` for `subject` (a process id or a key). Returns when it is durable, and with sync !=
 * 0 when the server settled it or the timeout passed. `event_id`, when not NULL, receives the id as
 * text. */
LB_API lb_outcome lb_log(lb_context* context, const char* subject, const lb_event* event, int sync,
                         char event_id[LB_EVENT_ID_TEXT]);

/* The context's sequence code as the next component of the job, or the next event, is to have it.
 */
LB_API lb_outcome lb_sequence_code(lb_context* context, char code[LB_SEQUENCE_CODE_TEXT]);

/* What the last failed or incomplete call of this thread wants to say; never NULL. */
LB_API const char* lb_last_text(void);

#ifdef __cplusplus
}
#endif

#endif
