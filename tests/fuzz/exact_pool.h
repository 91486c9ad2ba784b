/*
 * Put before each source that is fuzzed (-include): what the source takes from a pool comes from
 * malloc() instead, and is freed with the pool. A pool hands out parts of large blocks, between
 * which AddressSanitizer sees no border; here it sees each.
 */
#ifndef DMS_EXACT_POOL_H
#define DMS_EXACT_POOL_H

#include <stddef.h> /* before APR, which without offsetof() goes through a null pointer */
#include <stdlib.h>
#include <string.h>

#include <apr_pools.h>
#include <apr_strings.h>

static apr_status_t exact_free(void *memory)
{
    free(memory);
    return APR_SUCCESS;
}

static inline void *exact_palloc(apr_pool_t *pool, apr_size_t size)
{
    void *memory = malloc(size);

    if (!memory) {
        abort();
    }
    memset(memory, 0xa5, size); /* not zero by chance */
    apr_pool_cleanup_register(pool, memory, exact_free, apr_pool_cleanup_null);
    return memory;
}

static inline char *exact_pstrmemdup(apr_pool_t *pool, const char *s, apr_size_t length)
{
    char *copy = exact_palloc(pool, length + 1);

    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

static inline char *exact_pstrdup(apr_pool_t *pool, const char *s)
{
    return s ? exact_pstrmemdup(pool, s, strlen(s)) : NULL;
}

/* apr_pcalloc() is a macro around apr_palloc(). */
#define apr_palloc exact_palloc
#define apr_pstrmemdup exact_pstrmemdup
#define apr_pstrdup exact_pstrdup

#endif
