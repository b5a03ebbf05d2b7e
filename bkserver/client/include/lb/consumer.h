/* The consumer's library: ask a bookkeeping server what virtual machines, jobs and transfers are
 * doing.
 *
 * A consumer holds the connection; each question is answered with rows, which are JSON objects as
 * `lbctl --json` prints them. Every function is safe to call from several threads; the questions of
 * one consumer take turns; queries and rows belong to one thread at a time. Texts are UTF-8. No
 * function throws, prints, exits or raises a signal. ABI.md says what is stable. */
#ifndef LB_CONSUMER_H
#define LB_CONSUMER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LB_CONSUMER_API __attribute__((visibility("default")))
#else
#define LB_CONSUMER_API
#endif

/* Where a consumer asks that is told nothing else. */
#define LB_CONSUMER_DEFAULT_SERVER "/run/lb-bkserver/bkserver.sock"

typedef struct lb_consumer lb_consumer;
typedef struct lb_query lb_query;
typedef struct lb_rows lb_rows;

/* What became of a question. Below 0: there are no rows, and lb_consumer_last_text() says why. */
typedef enum lb_answer {
    LB_ANSWER_OK = 0,
    LB_ANSWER_RETRY = -1,      /* no server, no answer in time, or a broken connection: ask again */
    LB_ANSWER_REJECT = -2,     /* wrong query, cursor or option: asking again will not help */
    LB_ANSWER_DENIED = -3,     /* the policy does not let this caller see that */
    LB_ANSWER_FULL = -4,       /* a limit is reached */
    LB_ANSWER_BUG = -5,        /* out of memory or a broken promise of the library */
    LB_ANSWER_NOT_FOUND = -6,  /* there is no such process */
    LB_ANSWER_UNSUPPORTED = -7 /* the server is older than the question */
} lb_answer;

typedef enum lb_consumer_option {
    /* host:port of the server, or the path of its local socket; default LB_SERVER of the
     * environment, else LB_CONSUMER_DEFAULT_SERVER */
    LB_CONSUMER_SERVER = 1,
    LB_CONSUMER_CERTIFICATE = 2, /* for host:port: yours, a PEM file; default LB_CERT */
    LB_CONSUMER_KEY = 3,         /* its key, a PEM file; default LB_KEY */
    LB_CONSUMER_AUTHORITIES = 4, /* trusted ones: PEM bundle or directory; default LB_CA */
    /* in the server's certificate; default LB_SERVER_NAME or the host */
    LB_CONSUMER_SERVER_NAME = 5,
    LB_CONSUMER_TIMEOUT_MS = 6, /* of connecting, and of each answer; default 30000 */
    LB_CONSUMER_SOFTWARE = 7    /* who asks, for people: "monitor 1.2"; default: this library */
} lb_consumer_option;

/* NULL when there is no memory. */
LB_CONSUMER_API lb_consumer* lb_consumer_new(void);
LB_CONSUMER_API void lb_consumer_free(lb_consumer* consumer);
/* Before the first question: it connects. After a broken connection the next question connects
 * anew. */
LB_CONSUMER_API lb_answer lb_consumer_set(lb_consumer* consumer, lb_consumer_option option,
                                          const char* value);

/* Since 1.1: connects now instead of with the first question; nothing where there is a
 * connection. */
LB_CONSUMER_API lb_answer lb_consumer_connect(lb_consumer* consumer);

/* 0: goes on waiting. Else the question is given up, with LB_ANSWER_RETRY; a watch answers without
 * rows. */
typedef int (*lb_wait_hook)(void* data);
/* Since 1.1: calls `hook` with `data` about every second while an answer is awaited, on the thread
 * that asks: to show that it lasts, or to give up. It must not use the consumer. NULL: none. */
LB_CONSUMER_API void lb_consumer_on_wait(lb_consumer* consumer, lb_wait_hook hook, void* data);

/* One row: the status of `process` (a process id, its unique part, or a key), as it is, or with
 * `at_us` (microseconds since 1970-01-01 UTC) as it was then; 0: now. */
LB_CONSUMER_API lb_answer lb_consumer_status(lb_consumer* consumer, const char* process,
                                             int64_t at_us, lb_rows** rows);

/* What a status has only when asked for; the numbers are those of the original's flags. */
typedef enum lb_status_extra {
    LB_STATUS_CLASSADS = 1,  /* jdl_classad: the attributes of the job description */
    LB_STATUS_CHILDSTAT = 4, /* children_states: the statuses of the children; not of the past */
    LB_STATUS_HISTORY = 128  /* history: the first 500 events; not of the past */
} lb_status_extra;

/* Since 1.1: a row for each of so many `processes`, in their order: its status with `extras`
 * (lb_status_extra, joined by |; 0: none), as it is, or as it was at `at_us` by the events' own
 * times, or as the server knew it at `known_at_us` by when events had arrived (0 each: now). The
 * row of one that is not there or may not be read has `process`, `error` and `text`; asked for
 * alone, that is the answer. */
LB_CONSUMER_API lb_answer lb_consumer_statuses(lb_consumer* consumer, const char* const* processes,
                                               size_t processes_count, unsigned extras,
                                               int64_t at_us, int64_t known_at_us, lb_rows** rows);

/* One row: which event decided `attribute` (NULL: the state) of `process`, and which ones were
 * overruled. */
LB_CONSUMER_API lb_answer lb_consumer_why(lb_consumer* consumer, const char* process,
                                          const char* attribute, lb_rows** rows);

/* The events of `process` in their order, with the state after each: a page of `limit` rows (0: as
 * many as the server likes) after `cursor` (NULL: from the beginning). */
LB_CONSUMER_API lb_answer lb_consumer_history(lb_consumer* consumer, const char* process,
                                              uint32_t limit, const char* cursor, lb_rows** rows);

typedef enum lb_query_option {
    /* processes (default), events, process-count, event-count; process-terms, event-terms: what a
     * condition on them may name */
    LB_QUERY_WHAT = 1,
    LB_QUERY_SORT = 2, /* processes: registered, entered, updated; events: time; -X: latest first */
    LB_QUERY_FIELDS = 3, /* members of the rows: "jobId,vm_name"; default: processes as in lists */
    /* a count for each: of process-count state, vm_state, host, owner, type, cloud, hour; of
     * event-count type, hour, process.state, process.vm_state, process.host, process.owner,
     * process.type */
    LB_QUERY_BY = 4,
    LB_QUERY_LIMIT = 5 /* rows of a page: decimal, the server has a greatest; default: its own */
} lb_query_option;

/* A query: `state=running and host~"n1*" and entered>-2h`; NULL or "": everything. Nothing is asked
 * yet. NULL when there is no memory. */
LB_CONSUMER_API lb_query* lb_query_new(const char* condition);
LB_CONSUMER_API void lb_query_free(lb_query* query);
LB_CONSUMER_API lb_answer lb_query_set(lb_query* query, lb_query_option option, const char* value);

/* A page of what fits `query`, after `cursor` (NULL: the first page). A process that fits all the
 * while and keeps its place in the order is on exactly one page, whatever changes beside it. */
LB_CONSUMER_API lb_answer lb_consumer_query(lb_consumer* consumer, const lb_query* query,
                                            const char* cursor, lb_rows** rows);

/* The next changes of state of processes that fit `condition` (NULL: of all), in the order in which
 * they were committed; no rows when there were none within `timeout_ms`. Without a cursor: changes
 * from now on. lb_rows_cursor() of the answer, given to the next call, goes on without a gap, also
 * after the program or the server was restarted. */
LB_CONSUMER_API lb_answer lb_consumer_watch(lb_consumer* consumer, const char* condition,
                                            const char* cursor, int timeout_ms, lb_rows** rows);

/* The next row, a JSON object; NULL after the last. Lives until lb_rows_free(). */
LB_CONSUMER_API const char* lb_rows_next(lb_rows* rows);
LB_CONSUMER_API size_t lb_rows_count(const lb_rows* rows);
/* For the next page; "" when there is none. Text that means something to the server alone; lives
 * until lb_rows_free(). */
LB_CONSUMER_API const char* lb_rows_cursor(const lb_rows* rows);
LB_CONSUMER_API void lb_rows_free(lb_rows* rows);

/* Why the last failed call of this thread failed; never NULL, lasts until its next call. */
LB_CONSUMER_API const char* lb_consumer_last_text(void);

#ifdef __cplusplus
}
#endif

#endif
