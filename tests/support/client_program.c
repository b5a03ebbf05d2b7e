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

/* A component that has a job from another one: its counter goes up once, then once an event. */
static int carries_sequence_code(void) {
    const char* taken =
        "UI=000002:NS=0000000001:WM=000000:BH=0000000000:JSS=000000:LM=000000:LRMS=000000:APP=000000:LBS=000000";
    const char* handed =
        "UI=000002:NS=0000000001:WM=000002:BH=0000000000:JSS=000000:LM=000000:LRMS=000000:APP=000000:LBS=000000";
    char code[LB_SEQUENCE_CODE_TEXT];
    lb_context* component = lb_context_new();
    lb_event* event = lb_event_new("UserTag");
    int is_right = lb_sequence_code(component, code) == LB_ERR_REJECT &&
                   lb_context_set(component, LB_OPTION_SEQUENCE_CODE, taken) == LB_ERR_REJECT &&
                   lb_context_set(component, LB_OPTION_SOURCE, "WorkloadManager") == 0 &&
                   lb_context_set(component, LB_OPTION_SEQUENCE_CODE, taken) == 0 &&
                   lb_event_set(event, "name", "carried") == 0 && lb_event_set(event, "value", "1") == 0 &&
                   lb_log(component, key, event, 0, NULL) >= 0 && lb_sequence_code(component, code) == 0 &&
                   strcmp(code, handed) == 0;
    lb_event_free(event);
    lb_context_free(component);
    return is_right;
}

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
    if (!carries_sequence_code()) return 4;
    for (int i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, produce, &failures[i]);
    for (int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
        sum += failures[i];
    }
    lb_context_free(context);
    return sum == 0 ? 0 : 3;
}
