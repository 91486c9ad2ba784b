#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "unit.h"

#include <ftw.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "multistatus/position.h"

apr_pool_t *unit_pool;
apr_bucket_alloc_t *unit_alloc;

static const char *problem = "";

/* There only where AddressSanitizer is. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static void unit_setup(void)
{
    apr_allocator_t *allocator;

    ck_assert_int_eq(apr_allocator_create(&allocator), APR_SUCCESS);
    ck_assert_int_eq(apr_pool_create_ex(&unit_pool, NULL, NULL, allocator), APR_SUCCESS);
    apr_allocator_owner_set(allocator, unit_pool);
    unit_alloc = apr_bucket_alloc_create(unit_pool);
    unit_random_seed(4918);
}

static void unit_teardown(void)
{
    apr_pool_destroy(unit_pool);
    unit_pool = NULL;
}

TCase *unit_case(Suite *suite, const char *name, double timeout)
{
    TCase *tests = tcase_create(name);

    tcase_add_checked_fixture(tests, unit_setup, unit_teardown);
    tcase_set_timeout(tests, timeout);
    suite_add_tcase(suite, tests);
    return tests;
}

void unit_folder_make(char *path)
{
    memset(path + strlen(path) - 6, 'X', 6);
    ck_assert_ptr_nonnull(mkdtemp(path));
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st, (void)kind, (void)walk;
    return remove(path);
}

void unit_folder_remove(const char *path)
{
    ck_assert_int_eq(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The bytes of all private writable mappings. */
static apr_size_t mapped(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");

    ck_assert_ptr_nonnull(statm);
    ck_assert_int_eq(fscanf(statm, "%*u %*u %*u %*u %*u %lu", &pages), 1);
    fclose(statm);
    return (apr_size_t)pages * (apr_size_t)sysconf(_SC_PAGESIZE);
}

/* Debian's APR takes its pools from mmap(), not from malloc(). What malloc() has taken from the
 * system, but not given out, is not in use. */
apr_size_t unit_memory(void)
{
    struct mallinfo2 info;

    if (__sanitizer_get_current_allocated_bytes) {
        return __sanitizer_get_current_allocated_bytes();
    }
    info = mallinfo2();
    return mapped() - info.arena + info.uordblks;
}

static apr_uint64_t random_state = 1;

void unit_random_seed(apr_uint64_t seed)
{
    random_state = seed * 2862933555777941757ULL + 3037000493ULL;
}

unsigned int unit_random(unsigned int below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned int)((random_state >> 16) % below);
}

/* --- the sink --- */

static apr_status_t sink_free(void *baton)
{
    unit_sink_t *sink = baton;

    free(sink->bytes);
    return APR_SUCCESS;
}

unit_sink_t *unit_sink_create(void)
{
    unit_sink_t *sink = apr_pcalloc(unit_pool, sizeof(*sink));

    sink->smallest = APR_SIZE_MAX;
    apr_pool_cleanup_register(unit_pool, sink, sink_free, apr_pool_cleanup_null);
    return sink;
}

static void sink_keep(unit_sink_t *sink, const char *bytes, apr_size_t length)
{
    if (!sink->forget) {
        if (sink->length + length >= sink->room) {
            sink->room = (sink->length + length + 1) * 2;
            sink->bytes = realloc(sink->bytes, sink->room);
            ck_assert_ptr_nonnull(sink->bytes);
        }
        memcpy(sink->bytes + sink->length, bytes, length);
        sink->bytes[sink->length + length] = '\0';
    }
    sink->length += length;
}

static void sink_bucket(unit_sink_t *sink, apr_bucket *bucket, int flush)
{
    const char *bytes;
    apr_size_t length;

    ck_assert(!APR_BUCKET_IS_METADATA(bucket));
    ck_assert_int_eq(apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ), APR_SUCCESS);
    ck_assert_uint_gt(length, 0);
    sink_keep(sink, bytes, length);
    sink->buckets++;
    sink->odd_buckets += !APR_BUCKET_IS_HEAP(bucket);
    if (length > sink->largest) {
        sink->largest = length;
    }
    if (!flush && length < sink->smallest) {
        sink->smallest = length;
    }
}

apr_status_t unit_sink(void *baton, apr_bucket_brigade *bb, int flush)
{
    unit_sink_t *sink = baton;
    apr_bucket *bucket;

    sink->calls++;
    if (sink->fail_at && sink->calls >= sink->fail_at) {
        if (!sink->leave) {
            apr_brigade_cleanup(bb);
        }
        return sink->failure;
    }
    for (bucket = APR_BRIGADE_FIRST(bb); bucket != APR_BRIGADE_SENTINEL(bb);
         bucket = APR_BUCKET_NEXT(bucket)) {
        sink_bucket(sink, bucket, flush);
    }
    apr_brigade_cleanup(bb);
    sink->flushes += !!flush;
    if (sink->calls <= UNIT_PASSES) {
        sink->at[sink->calls - 1] = sink->length;
        sink->flush[sink->calls - 1] = flush;
    }
    return APR_SUCCESS;
}

/* --- elements --- */

const dms_name_t *unit_name(const char *ns, const char *local)
{
    dms_name_t *name = apr_palloc(unit_pool, sizeof(*name));

    name->ns = ns;
    name->local = local;
    name->length = strlen(local);
    return name;
}

dms_element_t *unit_element(const char *ns, const char *local, const char *text, ...)
{
    dms_element_t *element = apr_pcalloc(unit_pool, sizeof(*element));
    dms_element_t **link = &element->children, *child;
    va_list children;

    element->name = unit_name(ns, local);
    element->text = text;
    va_start(children, text);
    while ((child = va_arg(children, dms_element_t *))) {
        *link = child;
        link = &child->next;
    }
    va_end(children);
    return element;
}

dms_element_t *unit_text(const char *text)
{
    dms_element_t *element = apr_pcalloc(unit_pool, sizeof(*element));

    element->text = text;
    return element;
}

void unit_attribute(dms_element_t *element, const char *ns, const char *local, const char *value)
{
    dms_attribute_t *attribute = apr_pcalloc(unit_pool, sizeof(*attribute));
    const dms_attribute_t **link = &element->attributes;

    attribute->name = unit_name(ns, local);
    attribute->value = value;
    while (*link) {
        link = (const dms_attribute_t **)&(*link)->next;
    }
    *link = attribute;
}

dms_element_t *unit_list(dms_element_t *first, ...)
{
    dms_element_t *last = first, *element;
    va_list more;

    va_start(more, first);
    while ((element = va_arg(more, dms_element_t *))) {
        last->next = element;
        last = element;
    }
    va_end(more);
    return first;
}

/* --- text --- */

static int may_be_carried(apr_uint32_t c)
{
    return c == 0x9 || c == 0xA || c == 0xD || (c >= 0x20 && c <= 0xD7FF)
           || (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

apr_uint32_t unit_decode(const char *s, apr_size_t *length)
{
    static const apr_uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s[0];
    apr_uint32_t c;
    apr_size_t count, i;

    count = first < 0x80             ? 1
            : (first & 0xE0) == 0xC0 ? 2
            : (first & 0xF0) == 0xE0 ? 3
            : (first & 0xF8) == 0xF0 ? 4
                                     : 0;
    *length = 1;
    if (count < 2) {
        return count && may_be_carried(first) ? first : 0;
    }
    c = first & (0xFFu >> (count + 1));
    for (i = 1; i < count; i++) {
        if (((unsigned char)s[i] & 0xC0) != 0x80) {
            return 0;
        }
        c = c << 6 | ((unsigned char)s[i] & 0x3F);
    }
    if (c < least[count] || !may_be_carried(c)) {
        return 0;
    }
    *length = count;
    return c;
}

const char *unit_encode(apr_uint32_t c)
{
    static char ring[8][5];
    static unsigned int turn;
    char *s = ring[turn++ % 8];

    memset(s, 0, sizeof(ring[0]));

    if (c < 0x80) {
        s[0] = (char)c;
    }
    else if (c < 0x800) {
        s[0] = (char)(0xC0 | c >> 6);
        s[1] = (char)(0x80 | (c & 0x3F));
    }
    else if (c < 0x10000) {
        s[0] = (char)(0xE0 | c >> 12);
        s[1] = (char)(0x80 | (c >> 6 & 0x3F));
        s[2] = (char)(0x80 | (c & 0x3F));
    }
    else {
        s[0] = (char)(0xF0 | c >> 18);
        s[1] = (char)(0x80 | (c >> 12 & 0x3F));
        s[2] = (char)(0x80 | (c >> 6 & 0x3F));
        s[3] = (char)(0x80 | (c & 0x3F));
    }
    return s;
}

const char *unit_clean(const char *text)
{
    char *clean = apr_palloc(unit_pool, strlen(text) * 3 + 1), *to = clean;

    while (*text) {
        apr_size_t length;
        int known = unit_decode(text, &length) != 0;

        memcpy(to, known ? text : "\xEF\xBF\xBD", known ? length : 3);
        to += known ? length : 3;
        text += length;
    }
    *to = '\0';
    return clean;
}

apr_size_t unit_utf16(char *to, const char *from, int big, int mark)
{
    char *start = to;
    apr_size_t length;
    apr_uint32_t c = mark ? 0xFEFF : unit_decode(from, &length);
    apr_uint32_t units[2];

    for (from += mark ? 0 : length; c; from += length) {
        int count = c > 0xFFFF ? 2 : 1, i;

        units[0] = count == 2 ? 0xD800 + ((c - 0x10000) >> 10) : c;
        units[1] = 0xDC00 + ((c - 0x10000) & 0x3FF);
        for (i = 0; i < count; i++) {
            *to++ = (char)(big ? units[i] >> 8 : units[i]);
            *to++ = (char)(big ? units[i] : units[i] >> 8);
        }
        if (!*from) {
            break;
        }
        c = unit_decode(from, &length);
    }
    return (apr_size_t)(to - start);
}

char *unit_repeat(const char *s, int times)
{
    apr_size_t length = strlen(s);
    char *all = apr_palloc(unit_pool, length * (apr_size_t)times + 1);
    int i;

    for (i = 0; i < times; i++) {
        memcpy(all + length * (apr_size_t)i, s, length);
    }
    all[length * (apr_size_t)times] = '\0';
    return all;
}

/* --- canonical XML --- */

typedef struct string_t {
    char *bytes;
    apr_size_t length;
    apr_size_t room;
} string_t;

static void append(string_t *string, const char *bytes, apr_size_t length)
{
    if (string->length + length >= string->room) {
        string->room = (string->length + length + 64) * 2;
        string->bytes = realloc(string->bytes, string->room);
        ck_assert_ptr_nonnull(string->bytes);
    }
    memcpy(string->bytes + string->length, bytes, length);
    string->length += length;
    string->bytes[string->length] = '\0';
}

static void append_string(string_t *string, const char *s)
{
    append(string, s, strlen(s));
}

/* What is content can't be taken for what the canonical form itself adds. */
static void append_content(string_t *string, const char *s, apr_size_t length)
{
    for (; length; s++, length--) {
        if (strchr("<>{}\"\\=", *s)) {
            append(string, "\\", 1);
        }
        append(string, s, 1);
    }
}

static const char *finish(string_t *string)
{
    const char *result = apr_pstrmemdup(unit_pool, string->bytes ? string->bytes : "",
                                        string->length);

    free(string->bytes);
    return result;
}

/* A document on its way to its canonical form. */
typedef struct reading_t {
    string_t canonical;
    string_t text; /* the run of character data so far */
    int space;
    int depth;
    int after_element; /* whether a tag of a child precedes the run */
} reading_t;

static void settle(reading_t *reading, int before_element)
{
    string_t *text = &reading->text;
    int blank = text->length == 0 || strspn(text->bytes, " \t\r\n") == text->length;
    int beside = before_element || reading->after_element || reading->depth <= 1;

    if (!(reading->space == UNIT_LOOSE_SPACE && blank && beside) && text->length) {
        append_content(&reading->canonical, text->bytes, text->length);
    }
    text->length = 0;
}

static void append_reported_name(string_t *string, const char *reported)
{
    const char *separator = strchr(reported, '\x01');

    append_string(string, "{");
    if (separator) {
        append_content(string, reported, (apr_size_t)(separator - reported));
        reported = separator + 1;
    }
    append_string(string, "}");
    append_string(string, reported);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void append_attributes(string_t *string, const char **sorted, int count)
{
    int i;

    qsort(sorted, (size_t)count, sizeof(*sorted), compare_strings);
    for (i = 0; i < count; i++) {
        append_string(string, sorted[i]);
    }
}

static void XMLCALL on_start(void *baton, const char *reported, const char **pairs)
{
    reading_t *reading = baton;
    const char **sorted;
    int count = 0;

    settle(reading, 1);
    append_string(&reading->canonical, "<");
    append_reported_name(&reading->canonical, reported);
    while (pairs[2 * count]) {
        count++;
    }
    sorted = apr_palloc(unit_pool, sizeof(*sorted) * (size_t)(count + 1));
    for (count = 0; pairs[2 * count]; count++) {
        string_t one = {NULL, 0, 0};

        append_string(&one, " ");
        append_reported_name(&one, pairs[2 * count]);
        append_string(&one, "=\"");
        append_content(&one, pairs[2 * count + 1], strlen(pairs[2 * count + 1]));
        append_string(&one, "\"");
        sorted[count] = finish(&one);
    }
    append_attributes(&reading->canonical, sorted, count);
    append_string(&reading->canonical, ">");
    reading->depth++;
    reading->after_element = 0;
}

static void XMLCALL on_end(void *baton, const char *reported)
{
    reading_t *reading = baton;

    (void)reported;
    settle(reading, 0);
    append_string(&reading->canonical, "</>");
    reading->depth--;
    reading->after_element = 1;
}

static void XMLCALL on_text(void *baton, const char *text, int length)
{
    append(&((reading_t *)baton)->text, text, (apr_size_t)length);
}

const char *unit_canonical(const char *xml, apr_size_t length, int space)
{
    reading_t reading = {.space = space};
    XML_Parser parser = XML_ParserCreateNS(NULL, '\x01');
    enum XML_Status status;
    const char *canonical;

    ck_assert_ptr_nonnull(parser);
    XML_SetUserData(parser, &reading);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    status = XML_Parse(parser, xml, (int)length, 1);
    if (status != XML_STATUS_OK) {
        problem = apr_psprintf(unit_pool, "%s at byte %" APR_INT64_T_FMT,
                               XML_ErrorString(XML_GetErrorCode(parser)),
                               dms_position_offset(parser, (apr_int64_t)length));
    }
    XML_ParserFree(parser);
    free(reading.text.bytes);
    canonical = finish(&reading.canonical);
    return status == XML_STATUS_OK ? canonical : NULL;
}

int unit_count(const char *haystack, const char *needle)
{
    apr_size_t length = strlen(needle);
    int found = 0;

    while (haystack && (haystack = strchr(haystack, *needle))) {
        int same = !strncmp(haystack, needle, length);

        found += same;
        haystack += same ? length : 1;
    }
    return found;
}

const char *unit_problem(void)
{
    return problem;
}

static void append_name(string_t *string, const dms_name_t *name)
{
    append_string(string, "{");
    append_content(string, name->ns, strlen(name->ns));
    append_string(string, "}");
    append(string, name->local, name->length);
}

static void append_element(string_t *string, const dms_element_t *element)
{
    const dms_attribute_t *attribute;
    const dms_element_t *child;
    const char **sorted;
    int count = 0;

    if (element->name) {
        for (attribute = element->attributes; attribute; attribute = attribute->next) {
            count++;
        }
        sorted = apr_palloc(unit_pool, sizeof(*sorted) * (size_t)(count + 1));
        count = 0;
        append_string(string, "<");
        append_name(string, element->name);
        for (attribute = element->attributes; attribute; attribute = attribute->next) {
            string_t one = {NULL, 0, 0};
            const char *value = unit_clean(attribute->value);

            append_string(&one, " ");
            append_name(&one, attribute->name);
            append_string(&one, "=\"");
            append_content(&one, value, strlen(value));
            append_string(&one, "\"");
            sorted[count++] = finish(&one);
        }
        append_attributes(string, sorted, count);
        append_string(string, ">");
    }
    if (element->text) {
        const char *text = unit_clean(element->text);
        append_content(string, text, strlen(text));
    }
    for (child = element->children; child; child = child->next) {
        append_element(string, child);
    }
    if (element->name) {
        append_string(string, "</>");
    }
}

const char *unit_canonical_elements(const dms_element_t *first)
{
    string_t string = {NULL, 0, 0};

    for (; first; first = first->next) {
        append_element(&string, first);
    }
    return finish(&string);
}

const char *unit_write(const dms_prefixes_t *prefixes, const dms_element_t *first)
{
    unit_sink_t *sink = unit_sink_create();
    dms_buffer_t out;

    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
    dms_xml_begin(&out, prefixes, "prop");
    dms_xml_elements(&out, prefixes, first);
    dms_xml_end(&out, "prop");
    dms_buffer_pass(&out, 0);
    ck_assert_int_eq(out.status, APR_SUCCESS);
    ck_assert_uint_eq(strlen(sink->bytes), sink->length);
    return sink->bytes;
}
