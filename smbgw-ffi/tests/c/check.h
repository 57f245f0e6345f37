/* What every program here does with an expectation: it ends at the first one that fails. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(expectation)                                                       \
    do {                                                                         \
        if (!(expectation)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #expectation); \
            exit(1);                                                             \
        }                                                                        \
    } while (0)

#endif
