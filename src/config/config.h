/*
 * The configuration of a <Location> or <Directory>: one record for each, merged by httpd from the
 * outer to the inner section.
 */
#ifndef DMS_CONFIG_H
#define DMS_CONFIG_H

#include <httpd.h>

#include <http_config.h>
#include <mod_auth.h>

#include "config/rules.h"
#include "repository/provider.h"
#include "reverse/mapping.h"

/* The one symbol that the shared object exports: LoadModule looks for it. */
extern module AP_MODULE_DECLARE_DATA dav_multistatus_module __attribute__((visibility("default")));

/* For which members of a collection httpd is asked whether they may be touched. */
typedef enum dms_authz_e {
    DMS_AUTHZ_UNSET = -1,
    DMS_AUTHZ_AUTO, /* those that the configuration could treat unlike their collection */
    DMS_AUTHZ_EACH,
    DMS_AUTHZ_OFF
} dms_authz_e;

/* DavMultistatusLitter: what becomes of files that clients strew about. */
typedef enum dms_litter_e {
    DMS_LITTER_UNSET = -1,
    DMS_LITTER_KEEP,   /* they are files like any other */
    DMS_LITTER_REFUSE, /* none is made */
    DMS_LITTER_APART   /* they are kept out of the tree */
} dms_litter_e;

/* DavMultistatusReverse: as much of both sides as the configuration knows. */
typedef struct dms_reverse_t {
    int is_on;
    dms_side_t public_side;
    dms_side_t backend_side;
} dms_reverse_t;

/* DavMultistatusUnlockAny: one of those who may remove others' locks, as in a Require. */
typedef struct dms_breaker_t dms_breaker_t;
struct dms_breaker_t {
    const char *name; /* of the provider */
    const authz_provider *provider;
    const char *arguments;
    const void *parsed; /* what the provider has made of them */
    const dms_breaker_t *next;
};

/* DavMultistatusQuota: how much there may be in a folder, the one of the section that says so. Of a
 * pattern, each that it matches is one. */
typedef struct dms_quota_t dms_quota_t;
struct dms_quota_t {
    apr_int64_t size; /* in bytes; 0: None */
    int is_url;       /* of a <Location>; otherwise of a <Directory> */
    const char *base; /* the section's path, or wildcard */
    int has_wildcard;
    ap_regex_t *pattern;      /* of one with a regular expression, or NULL */
    const dms_quota_t *outer; /* of a folder that this one is in, or NULL */
    const char *key;          /* of the folder, where that is known by itself; or NULL */
};

typedef struct dms_config_t {
    const char *provider_name;      /* NULL: unset; "": Off */
    const dms_provider_t *provider; /* NULL: unset or Off */
    const char *base;               /* the path of the section that names the provider */
    int depth_infinity;             /* -1: unset */
    apr_int64_t max_responses;      /* 0: no limit; -1: unset */
    int sync;                       /* -1: unset */
    int set_modified;               /* -1: unset */
    dms_authz_e authz;
    int show_forbidden;           /* -1: unset */
    int access_files;             /* -1: unset */
    apr_int64_t lock_timeout;     /* in seconds; -1: unset */
    apr_int64_t lock_timeout_max; /* 0: none; set along with lock_timeout */
    apr_int64_t max_locks;        /* 0: no limit; -1: unset; likewise: */
    apr_int64_t max_properties;
    apr_int64_t max_property_bytes;
    const dms_breaker_t *breakers; /* the last one first */
    int has_breakers;              /* 0: unset; breakers NULL: Off */
    const dms_reverse_t *reverse;  /* NULL: unset */
    apr_array_header_t *origins;   /* of const char *, or "*" alone; empty: none; NULL: unset */
    int has_lone_origin;           /* "*", or none: while the configuration is read */
    int normalize_names;           /* -1: unset */
    const dms_quota_t *quota;      /* NULL: unset */
    dms_litter_e litter;
    apr_int64_t litter_size; /* in bytes; set along with litter */
    dms_rules_t rules;
    /* The numbers of the sections that may say who a client is, in the order in which they have
     * been merged (acts/client.h): "3,7,"; NULL: none. */
    const char *authentication;
} dms_config_t;

/* For the module record. */
void *dms_config_create(apr_pool_t *pool, char *section);
void *dms_config_merge(apr_pool_t *pool, void *outer, void *inner);

/* The configuration that rules a request. */
const dms_config_t *dms_config_of(const request_rec *r);

/* What a configuration says, with the default where it says nothing. */
int dms_config_is_on(const dms_config_t *config);                    /* Off */
int dms_config_depth_infinity(const dms_config_t *config);           /* On */
apr_uint64_t dms_config_max_responses(const dms_config_t *config);   /* 0, no limit */
int dms_config_sync(const dms_config_t *config);                     /* On */
int dms_config_set_modified(const dms_config_t *config);             /* Off */
dms_authz_e dms_config_authz(const dms_config_t *config);            /* auto, or each by rules.h */
int dms_config_show_forbidden(const dms_config_t *config);           /* Off */
int dms_config_access_files(const dms_config_t *config);             /* Off: nobody writes them */
int dms_config_normalizes_names(const dms_config_t *config);         /* exact: it does not */
dms_litter_e dms_config_litter(const dms_config_t *config);          /* keep */
apr_int64_t dms_config_lock_timeout(const dms_config_t *config);     /* 600 */
apr_int64_t dms_config_lock_timeout_max(const dms_config_t *config); /* 86400 */
const dms_reverse_t *dms_config_reverse(const dms_config_t *config); /* NULL: Off, the default */
/* What Access-Control-Allow-Origin is to say to a page of an origin: the origin, or "*"; NULL: such
 * a page may do nothing. None. */
const char *dms_config_origin(const dms_config_t *config, const char *origin);

/* The quotas that hold for a resource, the innermost first; NULL, the default: none. */
const dms_quota_t *dms_config_quota(const dms_config_t *config);

/* Whether two configurations have the same ones. */
int dms_config_has_same_quota(const dms_config_t *one, const dms_config_t *other);

/* Whether any section of the server sets one, or keeps litter apart: only then is anything
 * counted. */
int dms_config_has_quotas(void);

/* How many bytes of a path, which a section with that quota rules, are its folder's, without a
 * slash at the end. */
apr_size_t dms_config_quota_base(const dms_quota_t *quota, const char *path, apr_pool_t *pool);

/* After how many days litter that is kept apart goes, by the section that gives it the longest;
 * 0: none keeps any. */
int dms_config_litter_days(void);

/* How much there may be of something: what the configuration says, or the default; APR_INT64_MAX
 * where there is no limit. */
apr_int64_t dms_config_max_locks(const dms_config_t *config);      /* of a user: 1,000 */
apr_int64_t dms_config_max_properties(const dms_config_t *config); /* of a collection's members */
apr_int64_t dms_config_max_property_bytes(const dms_config_t *config); /* of a user: 1 GiB */

/* Where the store is, for the whole server: `DavMultistatusStore DRIVER PARAMETERS`, as apr_dbd
 * wants them, and perhaps a number of seconds. Unset, it is the place that the module was built
 * with. */
typedef struct dms_store_place_t {
    const char *driver;
    const char *params;
    apr_interval_time_t patience; /* how long a write waits for its turn */
} dms_store_place_t;

const dms_store_place_t *dms_config_store(void);

/* Back to that, at the start of each reading of the configuration; pool lives as long as it. */
void dms_config_reset(void);

/* "FILE:LINE" of the last DavMultistatusReverse that is on, or NULL. */
const char *dms_config_reverse_place(void);

/* The directives. */
extern const command_rec dms_config_directives[];

#endif
