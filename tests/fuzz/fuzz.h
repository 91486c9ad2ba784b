/*
 * What the fuzz targets share. A target is one function, which clang's libFuzzer calls with inputs
 * that reach ever more of the code; without clang, standalone.c calls it with mutated ones.
 *
 * Beside what the sanitizers find, a target checks what has to be true of any input.
 */
#ifndef DMS_FUZZ_H
#define DMS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process where the condition is false, so that the input is kept. */
#define fuzz_check(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline apr_pool_t *fuzz_pool(void)
{
    static int is_ready;
    apr_pool_t *pool;

    if (!is_ready) {
        apr_initialize();
        is_ready = 1;
    }
    fuzz_check(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    return pool;
}

/* The input as a header's value, in memory that ends with it; to be freed. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
    char *string = malloc(size + 1);

    fuzz_check(string != NULL);
    if (size) {
        memcpy(string, data, size);
    }
    string[size] = '\0';
    return string;
}

#endif
