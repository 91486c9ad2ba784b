/*
 * The If header (RFC 4918, section 10.4).
 *
 *     If: (<urn:uuid:1> ["etag"]) (Not <DAV:no-lock>)          untagged: of the request's resource
 *     If: </a> (<urn:uuid:1>) <http://host/b> (["x"]) (["y"])  tagged: of the resources named
 *
 * A *condition* is a state token (a lock's, mostly) or an entity tag that a resource has to have,
 * or, after Not, must not have. A *list* is true where all of its conditions are. The header is
 * true where any of its lists is, whichever resource that one stands under. Lists are all tagged
 * or all untagged; a tag serves each list up to the next tag.
 *
 * The header does two things, one apart from the other (10.4.1): it makes the request conditional,
 * 412 where it is false, and it submits each token that it names, which opens locks (7.5).
 *
 * How it is read, where the grammar leaves room: white space is SP and HTAB, between the parts,
 * never in them; Not is the same in any case and needs no space after it. Of what no URI can hold,
 * a token or tag is refused that has a space, a control character or one of <>"#; the rest, as a
 * byte beyond ASCII, can only fail to match. An entity tag is RFC 2616's, to which RFC 4918 refers:
 * blanks are allowed in it, and a backslash takes the next character with it. A header that was
 * sent twice arrives joined by a comma, which is malformed, as 10.4.2 has it.
 */
#ifndef DMS_IF_HEADER_H
#define DMS_IF_HEADER_H

#include <apr_pools.h>

/* A header with more conditions is malformed. */
#define DMS_IF_CONDITIONS 1000

/* Has either a token or an etag. */
typedef struct dms_if_condition_t dms_if_condition_t;
struct dms_if_condition_t {
    int is_not;
    const char *token;        /* a state token, an absolute URI, without its < >; or NULL */
    const char *etag;         /* an entity tag as it came, with its quotes and W/; or NULL */
    dms_if_condition_t *next; /* all hold, or the list does not */
};

typedef struct dms_if_list_t dms_if_list_t;
struct dms_if_list_t {
    const char *resource; /* its tag: an absolute URI or an absolute path, escaped, may have a
                           * query; NULL: the request's own resource */
    const dms_if_condition_t *conditions; /* at least one */
    const dms_if_list_t *next;
};

/* Parses an If header's value into pool; nothing refers to value afterwards. *complaint: NULL, or
 * what is malformed (static words, for a 400), and then the result is NULL. A value of NULL, no
 * header, gives NULL and no complaint. (10.4.2) */
const dms_if_list_t *dms_if_parse(apr_pool_t *pool, const char *value, const char **complaint);

/* Whether the header submits a token: names it anywhere, also after Not, in a list that is false or
 * under another resource (7.5, 10.4.1). Tokens are compared byte by byte (10.4.4). */
int dms_if_submits(const dms_if_list_t *first, const char *token);

/* Whether a resource has the state that a condition names, leaving its Not aside; resource is as in
 * the list. A resource that is unmapped, or elsewhere, has none (10.4.4); nothing has the token
 * "DAV:no-lock" (10.4.8). What fails on the way is the baton's to keep. */
typedef int dms_if_test_fn(void *baton, const char *resource, const dms_if_condition_t *condition);

/* Whether the header is true; if not, the status is 412 (10.4.3). Tests in the header's order, and
 * no further than it needs. No header (NULL) is true. */
int dms_if_holds(const dms_if_list_t *first, dms_if_test_fn *is_true, void *baton);

/* The length in bytes of the absolute URI that s begins with (RFC 3986, section 4.3, with the
 * leniency told above), up to the first byte that can't be in it; 0 where there is none. */
apr_size_t dms_absolute_uri_length(const char *s);

#endif
