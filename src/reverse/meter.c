#include "reverse/meter.h"

#include <stdint.h>
#include <stdlib.h>

/* Before each block, as large as keeps it aligned. */
typedef union header_t {
    size_t size;
    long double alignment;
    void *pointer;
} header_t;

static __thread dms_meter_t *current;

static void *resize(void *block, size_t size)
{
    header_t *header = block ? (header_t *)block - 1 : NULL, *resized;
    size_t before = header ? header->size : 0;

    if (!current || size > SIZE_MAX / 2
        || (size > before && size - before > current->most - current->used)) {
        return NULL;
    }
    resized = realloc(header, sizeof(header_t) + size);
    if (!resized) {
        return NULL;
    }
    current->used = current->used - before + size;
    resized->size = size;
    return resized + 1;
}

static void *allocate(size_t size)
{
    return resize(NULL, size);
}

static void release(void *block)
{
    if (block) {
        header_t *header = (header_t *)block - 1;

        if (current) {
            current->used -= header->size;
        }
        free(header);
    }
}

const XML_Memory_Handling_Suite dms_meter_suite = {allocate, resize, release};

dms_meter_t *dms_meter_enter(dms_meter_t *meter)
{
    dms_meter_t *before = current;

    current = meter;
    return before;
}

void dms_meter_leave(dms_meter_t *before)
{
    current = before;
}
