/* Lists the processes that fit a query, page by page, then prints
 * so many of their changes as they happen:
 *
 *     watch 'type=virtual_machine and state=running' 10
 *
 * The server is that of lbctl: LB_SERVER, LB_CERT, LB_KEY, LB_CA. Build it with
 *
 *     cc watch.c $(pkg-config --cflags --libs lb-consumer) -o watch */
#include <lb/consumer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const char* what) {
    fprintf(stderr, "watch: %s: %s\n", what, lb_consumer_last_text());
    return 1;
}

static int print_rows(lb_rows* rows) {
    int count = 0;
    for (const char* row = lb_rows_next(rows); row != NULL; row = lb_rows_next(rows), ++count)
        puts(row);
    return count;
}

static char* copy_of(const char* text) {
    char* copy = malloc(strlen(text) + 1);
    if (copy != NULL) strcpy(copy, text);
    return copy;
}

/* All pages. */
static int list(lb_consumer* consumer, const char* condition) {
    lb_query* query = lb_query_new(condition);
    char* cursor = NULL;
    int is_last = 0;
    if (query == NULL) return 1;
    lb_query_set(query, LB_QUERY_FIELDS, "jobId,state,vm_state");
    lb_query_set(query, LB_QUERY_LIMIT, "2");
    while (!is_last) {
        lb_rows* rows = NULL;
        if (lb_consumer_query(consumer, query, cursor, &rows) != LB_ANSWER_OK) break;
        print_rows(rows);
        free(cursor);
        cursor = copy_of(lb_rows_cursor(rows));
        is_last = cursor == NULL || *cursor == '\0';
        lb_rows_free(rows);
    }
    free(cursor);
    lb_query_free(query);
    return is_last ? 0 : failed("listing");
}

/* So many changes, each once. */
static int watch(lb_consumer* consumer, const char* condition, int changes_max) {
    char* cursor = NULL;
    int seen = 0;
    while (seen < changes_max) {
        lb_rows* rows = NULL;
        if (lb_consumer_watch(consumer, condition, cursor, 60000, &rows) != LB_ANSWER_OK) {
            free(cursor);
            return failed("watching");
        }
        seen += print_rows(rows);
        free(cursor);
        cursor = copy_of(lb_rows_cursor(rows));
        lb_rows_free(rows);
        fflush(stdout);
    }
    free(cursor);
    return 0;
}

int main(int argc, char** argv) {
    const char* const condition = argc > 1 ? argv[1] : "";
    const int changes_max = argc > 2 ? atoi(argv[2]) : 0;
    lb_consumer* consumer = lb_consumer_new();
    if (consumer == NULL) return 1;
    int status = list(consumer, condition);
    if (status == 0) {
        fflush(stdout);
        status = watch(consumer, condition, changes_max);
    }
    lb_consumer_free(consumer);
    return status;
}
