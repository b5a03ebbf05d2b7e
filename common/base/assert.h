// LB_ASSERT: a promise of our own code. Always on. Never reachable by input from outside.
#pragma once

#include <cstdio>
#include <cstdlib>

#define LB_ASSERT(condition)                                                                     \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            std::fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                        \
        }                                                                                        \
    } while (false)
