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

/* An input that is to be fed in pieces: what follows its last NUL byte are the lengths of the
 * pieces, over and over; in an input without one the pieces are single bytes. */
typedef struct fuzz_pieces_t {
    const uint8_t *data;
    size_t size;
    const uint8_t *lengths;
    size_t count;
} fuzz_pieces_t;

typedef void fuzz_take_fn(void *baton, const char *piece, size_t length);

static inline fuzz_pieces_t fuzz_pieces(const uint8_t *data, size_t size)
{
    fuzz_pieces_t pieces = {data, size, NULL, 0};
    size_t at = size;

    while (at--) {
        if (!data[at]) {
            pieces.size = at;
            pieces.lengths = data + at + 1;
            pieces.count = size - at - 1;
            break;
        }
    }
    return pieces;
}

static inline void fuzz_feed_piece(const uint8_t *data, size_t size, fuzz_take_fn *take,
                                   void *baton)
{
    char *piece = fuzz_string(data, size);

    take(baton, piece, size);
    free(piece);
}

/* Each piece is in memory of its own, which is freed after it. */
static inline void fuzz_feed(const fuzz_pieces_t *pieces, fuzz_take_fn *take, void *baton)
{
    size_t at = 0, i = 0;

    while (at < pieces->size) {
        size_t length = pieces->count ? pieces->lengths[i++ % pieces->count] : 1;

        length = length > pieces->size - at ? pieces->size - at : length;
        length += !length;
        fuzz_feed_piece(pieces->data + at, length, take, baton);
        at += length;
    }
}

#endif
