/* Logs through the C library from several threads at once: client_program KEY HOST. Exits with 0 when every call
 * did what it promises. */
#include <lb/client.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 4
#define EVENTS 25

static lb_context* context;
static const char* key;
static const char* host;

static void* produce(void* failures) {
    for (int i = 0; i < EVENTS; ++i) {
        char id[LB_EVENT_ID_TEXT];
        lb_event* event = lb_event_new(i % 2 == 0 ? "VMBoot" : "VMRunning");
        if (event == NULL || lb_event_set(event, "hostname", host) != 0 ||
            lb_event_set_attribute(event, "number", "1") != 0 ||
            lb_log(context, key, event, i % 10 == 0, id) < 0 || strlen(id) != LB_EVENT_ID_TEXT - 1) {
            fprintf(stderr, "%s\n", lb_last_text());
            ++*(int*)failures;
        }
        lb_event_free(event);
    }
    return NULL;
}

int main(int argc, char** argv) {
    int failures[THREADS] = {0};
    pthread_t threads[THREADS];
    int sum = 0;
    if (argc != 3) return 64;
    key = argv[1];
    host = argv[2];
    context = lb_context_new();
    if (context == NULL || lb_context_set(context, LB_OPTION_SOURCE, "VMManager") != 0 ||
        lb_context_set(context, LB_OPTION_TIMEOUT_MS, "10000") != 0)
        return 70;
    if (lb_event_new("NoSuchEvent") != NULL) return 1;
    if (lb_context_set(context, LB_OPTION_SOURCE, "Nobody") != LB_ERR_REJECT) return 2;
    for (int i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, produce, &failures[i]);
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
        sum += failures[i];
    }
    lb_context_free(context);
    return sum == 0 ? 0 : 3;
}
