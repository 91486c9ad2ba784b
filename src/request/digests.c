#include "request/digests.h"

#include <stdlib.h>
#include <string.h>

#include <apr_base64.h>
#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_md5.h>
#include <apr_random.h>
#include <apr_sha1.h>
#include <apr_strings.h>

enum { SHA1, MD5, SHA256, KINDS };

/* The longest digest. */
#define SIZE 32

static const struct {
    const char *oc;  /* the name that ownCloud has for it, ... */
    const char *rfc; /* ... and RFC 9530 */
    apr_size_t size;
} kinds[KINDS] = {
    [SHA1] = {"SHA1", "sha", APR_SHA1_DIGESTSIZE},
    [MD5] = {"MD5", "md5", APR_MD5_DIGESTSIZE},
    [SHA256] = {"SHA256", "sha-256", SIZE},
};

/* What a header says. */
typedef struct claim_t {
    const char *header;
    int kind;
    const char *hex; /* "": what can't be true */
} claim_t;

struct dms_digests_t {
    apr_pool_t *pool;
    apr_array_header_t *claims; /* of claim_t */
    int is_needed[KINDS];
    apr_sha1_ctx_t sha1;
    apr_md5_ctx_t md5;
    apr_crypto_hash_t *sha256;
    const char *found[KINDS]; /* in hexadecimal; NULL: not needed, or not yet known */
};

static void add_claim(dms_digests_t *digests, const char *header, int kind, const char *hex)
{
    claim_t *claim = apr_array_push(digests->claims);

    claim->header = header;
    claim->kind = kind;
    claim->hex = hex;
    digests->is_needed[kind] = 1;
}

static const char *hex_of_base64(apr_pool_t *pool, const char *base64, int kind)
{
    unsigned char bytes[3 * SIZE];

    if (strlen(base64) > 2 * SIZE
        || apr_base64_decode_binary(bytes, base64) != (int)kinds[kind].size) {
        return "";
    }
    return apr_pescape_hex(pool, bytes, kinds[kind].size, 0);
}

/* The kind of a name; KINDS: none that is known. */
static int kind_of(const char *name, apr_size_t length, int is_oc)
{
    int kind;

    for (kind = 0; kind < KINDS; kind++) {
        const char *known = is_oc ? kinds[kind].oc : kinds[kind].rfc;

        if (length == strlen(known) && !strncasecmp(name, known, length)) {
            break;
        }
    }
    return kind;
}

/* "TYPE:HEX", several with spaces or commas between them. Clients of ownCloud send one, and later
 * ask for another: that one works out both. */
static void read_oc(dms_digests_t *digests, const char *header, const char *value)
{
    char *state, *item;

    for (item = apr_strtok(apr_pstrdup(digests->pool, value), ", \t", &state); item;
         item = apr_strtok(NULL, ", \t", &state)) {
        apr_size_t length = strcspn(item, ":");
        int kind = kind_of(item, length, 1);

        if (kind < KINDS) {
            add_claim(digests, header, kind, item[length] ? item + length + 1 : "");
            digests->is_needed[SHA1] = digests->is_needed[MD5] = 1;
        }
    }
}

/* Calls back with each member of a dictionary: its kind, and what follows "=". */
typedef void member_fn(void *baton, int kind, char *value);

static void read_dictionary(apr_pool_t *pool, const char *text, member_fn *take, void *baton)
{
    char *state, *item;

    for (item = apr_strtok(apr_pstrdup(pool, text), ", \t", &state); item;
         item = apr_strtok(NULL, ", \t", &state)) {
        apr_size_t length = strcspn(item, "=;");
        int kind = kind_of(item, length, 0);

        if (kind < KINDS) {
            take(baton, kind, item[length] == '=' ? item + length + 1 : item + length);
        }
    }
}

typedef struct reading_t {
    dms_digests_t *digests;
    const char *header;
} reading_t;

/* ":BASE64:", or, of Digest, without colons. */
static void take_digest(void *baton, int kind, char *value)
{
    reading_t *reading = baton;

    value += *value == ':';
    value[strcspn(value, ":;")] = '\0';
    add_claim(reading->digests, reading->header, kind,
              hex_of_base64(reading->digests->pool, value, kind));
}

static void read_digests(dms_digests_t *digests, const char *header, const char *value)
{
    reading_t reading = {digests, header};

    read_dictionary(digests->pool, value, take_digest, &reading);
}

static void read_md5(dms_digests_t *digests, const char *header, const char *value)
{
    add_claim(digests, header, MD5, hex_of_base64(digests->pool, value, MD5));
}

static const struct {
    const char *name;
    int is_of_part; /* what it says is said of a part's body, too */
    void (*read)(dms_digests_t *digests, const char *header, const char *value);
} headers_known[] = {
    {"OC-Checksum", 0, read_oc},         {"Repr-Digest", 0, read_digests},
    {"Content-Digest", 1, read_digests}, {"Digest", 0, read_digests},
    {"Content-MD5", 1, read_md5},
};

static int is_coded(const apr_table_t *headers)
{
    const char *coding = apr_table_get(headers, "Content-Encoding");

    return coding && strcasecmp(coding, "identity") != 0;
}

dms_digests_t *dms_digests_create(apr_pool_t *pool, const apr_table_t *headers, int is_part)
{
    dms_digests_t *digests = apr_pcalloc(pool, sizeof(*digests));
    apr_size_t i;

    digests->pool = pool;
    digests->claims = apr_array_make(pool, 2, sizeof(claim_t));
    for (i = 0; i < sizeof(headers_known) / sizeof(headers_known[0]); i++) {
        const char *value = apr_table_get(headers, headers_known[i].name);

        if (value && (headers_known[i].is_of_part || !is_part)) {
            headers_known[i].read(digests, headers_known[i].name, value);
        }
    }
    if (!digests->claims->nelts || is_coded(headers)) {
        return NULL;
    }
    apr_sha1_init(&digests->sha1);
    apr_md5_init(&digests->md5);
    digests->sha256 = apr_crypto_sha256_new(pool);
    digests->sha256->init(digests->sha256);
    return digests;
}

void dms_digests_add(dms_digests_t *digests, const char *bytes, apr_size_t length)
{
    if (digests && digests->is_needed[SHA1]) {
        apr_sha1_update_binary(&digests->sha1, (const unsigned char *)bytes, (unsigned int)length);
    }
    if (digests && digests->is_needed[MD5]) {
        apr_md5_update(&digests->md5, bytes, length);
    }
    if (digests && digests->is_needed[SHA256]) {
        digests->sha256->add(digests->sha256, bytes, length);
    }
}

static const char *end_one(dms_digests_t *digests, int kind)
{
    unsigned char bytes[SIZE];

    switch (kind) {
    case SHA1:
        apr_sha1_final(bytes, &digests->sha1);
        break;
    case MD5:
        apr_md5_final(bytes, &digests->md5);
        break;
    default:
        digests->sha256->finish(digests->sha256, bytes);
        break;
    }
    return apr_pescape_hex(digests->pool, bytes, kinds[kind].size, 0);
}

const char *dms_digests_finish(dms_digests_t *digests)
{
    int i;

    for (i = 0; digests && i < KINDS; i++) {
        digests->found[i] = digests->is_needed[i] ? end_one(digests, i) : NULL;
    }
    for (i = 0; digests && i < digests->claims->nelts; i++) {
        const claim_t *claim = &APR_ARRAY_IDX(digests->claims, i, claim_t);

        if (strcasecmp(claim->hex, digests->found[claim->kind]) != 0) {
            return claim->header;
        }
    }
    return NULL;
}

const char *dms_digests_list(const dms_digests_t *digests, apr_pool_t *pool)
{
    const char *list = NULL;
    int i;

    for (i = 0; digests && i < KINDS; i++) {
        if (digests->found[i]) {
            list = apr_pstrcat(pool, list ? list : "", list ? " " : "", kinds[i].oc, ":",
                               digests->found[i], NULL);
        }
    }
    return list;
}

/* The preference for a kind, from 1 to 10; 0: none is wanted (RFC 9530, section 4). */
static void take_preference(void *wanted, int kind, char *value)
{
    ((int *)wanted)[kind] = apr_isdigit(*value) && atoi(value) > 0;
}

static const char *base64_of_hex(apr_pool_t *pool, const char *hex, int kind)
{
    unsigned char bytes[SIZE];
    char *base64;

    if (apr_unescape_hex(bytes, hex, (apr_ssize_t)(2 * kinds[kind].size), 0, NULL)) {
        return NULL;
    }
    base64 = apr_palloc(pool, (apr_size_t)apr_base64_encode_len(SIZE));
    apr_base64_encode_binary(base64, bytes, (int)kinds[kind].size);
    return base64;
}

const char *dms_digests_wanted(const char *list, const char *want_repr_digest, apr_pool_t *pool)
{
    int wanted[KINDS] = {0}, kind;
    const char *value = NULL, *base64;
    char *state, *item;

    read_dictionary(pool, want_repr_digest, take_preference, wanted);
    for (item = apr_strtok(apr_pstrdup(pool, list), " ", &state); item;
         item = apr_strtok(NULL, " ", &state)) {
        apr_size_t length = strcspn(item, ":");

        kind = kind_of(item, length, 1);
        base64 = kind < KINDS && wanted[kind] && strlen(item) == length + 1 + 2 * kinds[kind].size
                     ? base64_of_hex(pool, item + length + 1, kind)
                     : NULL;
        if (base64) {
            value = apr_pstrcat(pool, value ? value : "", value ? ", " : "", kinds[kind].rfc,
                                "=:", base64, ":", NULL);
        }
    }
    return value;
}
