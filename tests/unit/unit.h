/*
 * What the unit tests share: a pool for each test, a sink that remembers, elements in one line,
 * and XML compared as XML.
 *
 * Each test runs in a process of its own (libcheck forks) between unit_setup() and unit_teardown().
 */
#ifndef DMS_UNIT_H
#define DMS_UNIT_H

#include <check.h>

#include <apr_buckets.h>
#include <apr_pools.h>

#include "multistatus/buffer.h"
#include "multistatus/element.h"
#include "multistatus/xml.h"

/* --- suites, one a file --- */

Suite *status_suite(void);
Suite *element_suite(void);
Suite *response_suite(void);
Suite *buffer_suite(void);
Suite *xml_suite(void);
Suite *position_suite(void);
Suite *writer_suite(void);
Suite *reader_suite(void);
Suite *examples_suite(void);
Suite *headers_suite(void);
Suite *prefer_suite(void);
Suite *digests_suite(void);
Suite *destination_suite(void);
Suite *xml_body_suite(void);
Suite *if_suite(void);
Suite *lock_headers_suite(void);
Suite *mapping_suite(void);
Suite *skim_suite(void);
Suite *window_suite(void);
Suite *hrefs_suite(void);
Suite *keys_suite(void);
Suite *processes_suite(void);
Suite *store_suite(void);
Suite *locks_suite(void);
Suite *store_locks_suite(void);
Suite *recovery_suite(void);

/* --- the surroundings of a test --- */

extern apr_pool_t *unit_pool;
extern apr_bucket_alloc_t *unit_alloc;

/* Adds a test case to a suite; its tests have a pool, an allocator and this long in seconds. */
TCase *unit_case(Suite *suite, const char *name, double timeout);

/* The bytes that the process has in use. Under AddressSanitizer only those from malloc(), which can
 * hide growth, but never shows any that is not there. */
apr_size_t unit_memory(void);

/* Makes a folder of the path, which ends in six characters that are replaced; and removes it with
 * all that is in it. */
void unit_folder_make(char *path);
void unit_folder_remove(const char *path);

/* Pseudo-random and the same in each run: 0 <= result < below. */
void unit_random_seed(apr_uint64_t seed);
unsigned int unit_random(unsigned int below);

/* --- a sink that remembers --- */

#define UNIT_PASSES 4096

typedef struct unit_sink_t {
    int forget;           /* count only, keep no bytes */
    int fail_at;          /* the number of the call, from 1, that fails; 0 for none */
    apr_status_t failure; /* with this */
    int leave;            /* leave the buckets in the brigade where it fails */
    char *bytes;          /* all that was taken, NUL-terminated; NULL where nothing was */
    apr_size_t length;    /* of it */
    apr_size_t room;
    int calls;
    int flushes;
    int buckets;                /* that were taken */
    int odd_buckets;            /* of them not in the heap */
    apr_size_t largest;         /* bucket */
    apr_size_t smallest;        /* bucket that came without the wish to flush */
    apr_size_t at[UNIT_PASSES]; /* the length after each call */
    int flush[UNIT_PASSES];     /* the wish of each call */
} unit_sink_t;

/* A sink that never fails; it is freed with unit_pool. */
unit_sink_t *unit_sink_create(void);

/* The dms_sink_fn; baton is a unit_sink_t. */
apr_status_t unit_sink(void *baton, apr_bucket_brigade *bb, int flush);

/* --- elements --- */

/* A name that is taken as it is; the strings are kept by reference. */
const dms_name_t *unit_name(const char *ns, const char *local);

/* An element with text (or NULL) and children (dms_element_t *), the last of which is NULL. */
dms_element_t *unit_element(const char *ns, const char *local, const char *text, ...)
    __attribute__((sentinel));

/* A run of character data between elements. */
dms_element_t *unit_text(const char *text);

/* Appends an attribute. */
void unit_attribute(dms_element_t *element, const char *ns, const char *local, const char *value);

/* Links elements into a list; the last argument is NULL. */
dms_element_t *unit_list(dms_element_t *first, ...) __attribute__((sentinel));

/* How often the needle is in there; haystack may be NULL. */
int unit_count(const char *haystack, const char *needle);

/* --- XML as XML --- */

#define UNIT_EXACT 0       /* each character counts */
#define UNIT_LOOSE_SPACE 1 /* white space beside elements, and alone in the root, does not */

/* A canonical form of a document: expanded names, attributes in order, all text; the same for
 * two documents that mean the same. NULL where it is not well-formed, see unit_problem(). */
const char *unit_canonical(const char *xml, apr_size_t length, int space);

/* Why the last unit_canonical() failed. */
const char *unit_problem(void);

/* The canonical form (exact) of a list of elements, made without the code under test. What XML
 * can't carry appears as U+FFFD. */
const char *unit_canonical_elements(const dms_element_t *first);

/* The text as it should come back: without what XML can't carry. */
const char *unit_clean(const char *text);

/* The character at s (0: none that XML can carry), and its length in bytes. */
apr_uint32_t unit_decode(const char *s, apr_size_t *length);

/* The character in UTF-8, also one that XML can't carry; good for the next seven calls. */
const char *unit_encode(apr_uint32_t c);

/* The text in UTF-16, with a byte order mark or without, in to; returns its length in bytes. */
apr_size_t unit_utf16(char *to, const char *from, int big, int mark);

/* The string so many times. */
char *unit_repeat(const char *s, int times);

/* <D:prop> around a list, as a document from the code under test. */
const char *unit_write(const dms_prefixes_t *prefixes, const dms_element_t *first);

/* Fails the test unless both are well-formed and mean the same. */
#define unit_assert_same_xml(got, expected, space)                                                 \
    do {                                                                                           \
        const char *got_ = (got), *expected_ = (expected), *canonical_;                            \
        const char *wanted_ = unit_canonical(expected_, strlen(expected_), (space));               \
        ck_assert_msg(wanted_ != NULL, "the test's own XML: %s", unit_problem());                  \
        canonical_ = unit_canonical(got_, strlen(got_), (space));                                  \
        ck_assert_msg(canonical_ != NULL, "%s in: %s", unit_problem(), got_);                      \
        ck_assert_str_eq(canonical_, wanted_);                                                     \
    } while (0)

/* Fails the test unless the elements, written and read again, are what they were. */
#define unit_assert_round_trip(prefixes, first)                                                    \
    do {                                                                                           \
        const dms_element_t *first_ = (first);                                                     \
        const char *xml_ = unit_write((prefixes), first_);                                         \
        const char *canonical_ = unit_canonical(xml_, strlen(xml_), UNIT_EXACT);                   \
        ck_assert_msg(canonical_ != NULL, "%s in: %s", unit_problem(), xml_);                      \
        ck_assert_str_eq(canonical_, apr_pstrcat(unit_pool, "<{DAV:}prop>",                        \
                                                 unit_canonical_elements(first_), "</>", NULL));   \
    } while (0)

#endif
