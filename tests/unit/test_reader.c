#include "multistatus/reader.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "multistatus/writer.h"
#include "unit.h"

#define KIB 1024

/* --- a reader that tells --- */

/* How a document is fed. */
typedef struct feeding_t {
    apr_size_t first; /* the length of the first piece; 0: all */
    apr_size_t size;  /* of the others; 0: all that is left */
    int in_brigades;
} feeding_t;

/* What came of a document: what was read as a line of text, and the status of the reading. */
typedef struct outcome_t {
    const char *story;
    apr_status_t status;
    dms_reader_fault_t fault;
    apr_uint64_t responses;
    dms_writer_t *writer; /* writes what is read, or NULL */
} outcome_t;

static void add(outcome_t *outcome, const char *before, const char *text, const char *after)
{
    if (text) {
        outcome->story = apr_pstrcat(unit_pool, outcome->story, before, text, after, NULL);
    }
}

static void add_elements(outcome_t *outcome, const char *before, const dms_element_t *first)
{
    add(outcome, before, first ? unit_canonical_elements(first) : NULL, "");
}

static void add_propstat(outcome_t *outcome, const dms_propstat_t *propstat)
{
    add(outcome, " (", apr_itoa(unit_pool, propstat->status), "");
    add_elements(outcome, " ", propstat->properties);
    add_elements(outcome, " error ", propstat->error);
    add(outcome, " \"", propstat->description, "\"");
    add(outcome, ")", "", "");
}

/* Tells of a response: [href... status (propstat)... error "description" -> location] */
static apr_status_t tell(void *baton, dms_response_t *response)
{
    outcome_t *outcome = baton;
    const dms_propstat_t *propstat;
    const dms_href_t *href;

    ck_assert_ptr_nonnull(response->pool);
    outcome->responses++;
    add(outcome, "[", response->href.uri, "");
    for (href = response->href.next; href; href = href->next) {
        add(outcome, " ", href->uri, "");
    }
    add(outcome, " ", response->status ? apr_itoa(unit_pool, response->status) : NULL, "");
    for (propstat = response->propstats; propstat; propstat = propstat->next) {
        add_propstat(outcome, propstat);
    }
    add_elements(outcome, " error ", response->error);
    add(outcome, " \"", response->description, "\"");
    add(outcome, " -> ", response->location, "");
    add(outcome, "]", "", "");
    if (outcome->writer) {
        ck_assert_int_eq(dms_writer_response(outcome->writer, response), APR_SUCCESS);
    }
    return APR_SUCCESS;
}

/* Feeds a piece in memory of its own, which is gone afterwards, so that reading past its end, or
 * later, shows under AddressSanitizer. */
static apr_status_t feed_piece(dms_reader_t *reader, const char *bytes, apr_size_t length,
                               int in_brigade)
{
    char *piece = malloc(length);
    apr_bucket_brigade *bb;
    apr_status_t rv;
    int at_end = 0;

    memcpy(piece, bytes, length);
    if (in_brigade) {
        bb = apr_brigade_create(unit_pool, unit_alloc);
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(unit_alloc));
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_heap_create(piece, length, free, unit_alloc));
        rv = dms_reader_feed_brigade(reader, bb, &at_end);
        ck_assert(APR_BRIGADE_EMPTY(bb));
        ck_assert_int_eq(at_end, 0);
        return rv;
    }
    rv = dms_reader_feed(reader, piece, length);
    free(piece);
    return rv;
}

static void feed_all(dms_reader_t *reader, outcome_t *outcome, const char *bytes, apr_size_t length,
                     feeding_t how)
{
    apr_size_t part = how.first;

    while (length) {
        apr_status_t rv;

        part = part && part < length ? part : length;
        rv = feed_piece(reader, bytes, part, how.in_brigades);
        ck_assert(outcome->status == APR_SUCCESS || rv == outcome->status);
        outcome->status = rv;
        bytes += part;
        length -= part;
        part = how.size;
    }
}

static outcome_t read_with(const dms_reader_limits_t *limits, const char *bytes, apr_size_t length,
                           feeding_t how)
{
    outcome_t outcome = {.story = ""};
    dms_reader_t *reader = dms_reader_create(unit_pool, limits, tell, &outcome);
    const dms_reader_fault_t *fault;
    dms_multistatus_t whole;
    apr_status_t rv;

    feed_all(reader, &outcome, bytes, length, how);
    rv = dms_reader_end(reader, &whole);
    ck_assert(outcome.status == APR_SUCCESS || rv == outcome.status);
    outcome.status = rv;
    add(&outcome, " \"", whole.description, "\"");
    add(&outcome, " token ", whole.sync_token, "");
    ck_assert_uint_eq(whole.responses, outcome.responses);
    ck_assert_int_eq(dms_reader_end(reader, NULL), rv);
    fault = dms_reader_fault(reader);
    ck_assert_int_eq(fault != NULL, rv != APR_SUCCESS);
    if (fault) {
        ck_assert(fault->message && *fault->message);
        outcome.fault = *fault;
    }
    return outcome;
}

static outcome_t read_at_once(const char *xml)
{
    return read_with(NULL, xml, strlen(xml), (feeding_t){0, 0, 0});
}

static void assert_same(outcome_t a, outcome_t b)
{
    ck_assert_str_eq(a.story, b.story);
    ck_assert_int_eq(a.status, b.status);
    if (a.status != APR_SUCCESS) {
        ck_assert_str_eq(a.fault.message, b.fault.message);
        ck_assert_uint_eq(a.fault.line, b.fault.line);
        ck_assert_uint_eq(a.fault.column, b.fault.column);
        ck_assert_uint_eq(a.fault.offset, b.fault.offset);
    }
}

/* Reads a document in every way in which it could be cut: what comes of it has to be the same. */
static outcome_t read_bytes(const char *bytes, apr_size_t length)
{
    outcome_t whole = read_with(NULL, bytes, length, (feeding_t){0, 0, 0});
    apr_pool_t *outer = unit_pool;
    apr_size_t cut;

    apr_pool_create(&unit_pool, outer);
    for (cut = 1; cut < 5; cut++) {
        assert_same(whole, read_with(NULL, bytes, length, (feeding_t){cut, cut, 0}));
        assert_same(whole, read_with(NULL, bytes, length, (feeding_t){cut, cut, 1}));
    }
    for (cut = 1; cut < length; cut++) {
        assert_same(whole, read_with(NULL, bytes, length, (feeding_t){cut, 0, cut & 1}));
        apr_pool_clear(unit_pool);
    }
    apr_pool_destroy(unit_pool);
    unit_pool = outer;
    return whole;
}

static void assert_story(outcome_t outcome, const char *story)
{
    ck_assert_msg(outcome.status == APR_SUCCESS, "%s (line %d, column %d)", outcome.fault.message,
                  (int)outcome.fault.line, (int)outcome.fault.column);
    ck_assert_str_eq(outcome.story, story);
}

/* --- what real servers send, in the style of each --- */

#define MULTISTATUS(content) "<D:multistatus xmlns:D='DAV:'>" content "</D:multistatus>"
#define OK "<D:status>HTTP/1.1 200 OK</D:status>"

static const struct {
    const char *server;
    const char *xml;
    const char *story;
} samples[] = {
    {"mod_dav",
     "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
     "<D:multistatus xmlns:D=\"DAV:\" xmlns:ns0=\"DAV:\">\n"
     "<D:response xmlns:lp1=\"DAV:\" xmlns:lp2=\"http://apache.org/dav/props/\">\n"
     "<D:href>/dav/a%20b/</D:href>\n<D:propstat>\n<D:prop>\n"
     "<lp1:resourcetype><D:collection/></lp1:resourcetype>\n"
     "<lp1:getetag>\"6c-1\"</lp1:getetag>\n<D:supportedlock>\n<D:lockentry>\n"
     "<D:lockscope><D:exclusive/></D:lockscope>\n</D:lockentry>\n</D:supportedlock>\n"
     "<lp2:executable>F</lp2:executable>\n</D:prop>\n"
     "<D:status>HTTP/1.1 200 OK</D:status>\n</D:propstat>\n</D:response>\n</D:multistatus>\n",
     "[/dav/a%20b/ (200 <{DAV:}resourcetype><{DAV:}collection></></>"
     "<{DAV:}getetag>\\\"6c-1\\\"</><{DAV:}supportedlock>\n<{DAV:}lockentry>\n"
     "<{DAV:}lockscope><{DAV:}exclusive></></>\n</>\n</>"
     "<{http://apache.org/dav/props/}executable>F</>)]"},
    {"Nextcloud (SabreDAV)",
     "<?xml version=\"1.0\"?>\n<d:multistatus xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\" "
     "xmlns:oc=\"http://owncloud.org/ns\"><d:response><d:href>/remote.php/dav/files/u/x.txt</"
     "d:href>"
     "<d:propstat><d:prop><oc:id>00000042oc</oc:id><oc:share-types/></d:prop>"
     "<d:status>HTTP/1.1 200 OK</d:status></d:propstat><d:propstat><d:prop><d:quota-used-bytes/>"
     "</d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>"
     "<d:sync-token>http://sabre.io/ns/sync/7</d:sync-token></d:multistatus>",
     "[/remote.php/dav/files/u/x.txt (200 <{http://owncloud.org/ns}id>00000042oc</>"
     "<{http://owncloud.org/ns}share-types></>) (404 <{DAV:}quota-used-bytes></>)]"
     " token http://sabre.io/ns/sync/7"},
    {"lighttpd",
     "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
     "<D:multistatus xmlns:D=\"DAV:\" xmlns:ns0=\"urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/\">"
     "\n<D:response>\n<D:href>/f</D:href>\n<D:propstat>\n<D:prop>\n"
     "<D:creationdate ns0:dt=\"dateTime.tz\">2026-11-22T21:45:22Z</D:creationdate>"
     "<D:getcontentlength>5</D:getcontentlength></D:prop>\n"
     "<D:status>HTTP/1.1 200 OK</D:status>\n</D:propstat>\n</D:response>\n</D:multistatus>\n",
     "[/f (200 <{DAV:}creationdate {urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/}dt="
     "\"dateTime.tz\">2026-11-22T21:45:22Z</><{DAV:}getcontentlength>5</>)]"},
    {"nginx with dav-ext",
     "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<D:multistatus xmlns:D=\"DAV:\">\n"
     "<D:response>\n<D:href>/</D:href>\n<D:propstat>\n<D:prop>\n<D:displayname>/</D:displayname>\n"
     "<D:resourcetype><D:collection/></D:resourcetype>\n<D:lockdiscovery/>\n</D:prop>\n"
     "<D:status>HTTP/1.1 200 OK</D:status>\n</D:propstat>\n</D:response>\n</D:multistatus>\n",
     "[/ (200 <{DAV:}displayname>/</><{DAV:}resourcetype><{DAV:}collection></></>"
     "<{DAV:}lockdiscovery></>)]"},
    {"IIS",
     "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:multistatus xmlns:D=\"DAV:\"><D:response>"
     "<D:href>http://host.example/share/n%C3%A9.doc</D:href><D:propstat>"
     "<D:status>HTTP/1.1 200 OK</D:status><D:prop><D:getcontenttype/>"
     "<D:isreadonly xmlns:b=\"urn:schemas-microsoft-com:datatypes\" b:dt=\"boolean\">0"
     "</D:isreadonly></D:prop></D:propstat></D:response></D:multistatus>",
     "[http://host.example/share/n%C3%A9.doc (200 <{DAV:}getcontenttype></><{DAV:}isreadonly "
     "{urn:schemas-microsoft-com:datatypes}dt=\"boolean\">0</>)]"},
    {"Exchange, as it names namespaces",
     "<?xml version=\"1.0\"?><a:multistatus xmlns:b=\"urn:uuid:c2f41010-65b3-11d1/\" "
     "xmlns:c=\"xml:\" xmlns:a=\"DAV:\"><a:contentrange>0-1</a:contentrange><a:response><a:href>"
     "http://h/in/a.EML</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop>"
     "<a:ishidden b:dt=\"boolean\">0</a:ishidden></a:prop></a:propstat></a:response>"
     "</a:multistatus>",
     "[http://h/in/a.EML (200 <{DAV:}ishidden {urn:uuid:c2f41010-65b3-11d1/}dt=\"boolean\">0</>)]"},
    {"Apple's CalendarServer",
     "<?xml version='1.0' encoding='UTF-8'?>\n<multistatus xmlns='DAV:'>\n  <response>\n"
     "    <href>/calendars/u/1.ics</href>\n    <propstat>\n      <prop>\n"
     "        <getetag>\"x\"</getetag>\n"
     "        <calendar-data xmlns='urn:ietf:params:xml:ns:caldav'><![CDATA[BEGIN:VCALENDAR\r\n"
     "SUMMARY:a<b&c\r\n]]></calendar-data>\n      </prop>\n"
     "      <status>HTTP/1.1 200 OK</status>\n    </propstat>\n  </response>\n  <response>\n"
     "    <href>/calendars/u/2.ics</href>\n    <status>HTTP/1.1 404 Not Found</status>\n"
     "  </response>\n  <sync-token>\n    data:,7_8\n  </sync-token>\n</multistatus>\n",
     "[/calendars/u/1.ics (200 <{DAV:}getetag>\\\"x\\\"</>"
     "<{urn:ietf:params:xml:ns:caldav}calendar-data>BEGIN:VCALENDAR\nSUMMARY:a\\<b&c\n</>)]"
     "[/calendars/u/2.ics 404] token data:,7_8"},
    {"rclone serve (golang.org/x/net/webdav)",
     "<?xml version=\"1.0\" encoding=\"UTF-8\"?><D:multistatus xmlns:D=\"DAV:\"><D:response>"
     "<D:href>/dir/</D:href><D:propstat><D:prop><D:displayname>dir</D:displayname>"
     "<D:resourcetype><D:collection xmlns:D=\"DAV:\"/></D:resourcetype></D:prop>"
     "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>",
     "[/dir/ (200 <{DAV:}displayname>dir</><{DAV:}resourcetype><{DAV:}collection></></>)]"},
    {"RFC 4918, section 9.6.2",
     "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<d:multistatus xmlns:d=\"DAV:\">\n<d:response>\n"
     "<d:href>http://www.example.com/container/resource3</d:href>\n"
     "<d:status>HTTP/1.1 423 Locked</d:status>\n<d:error><d:lock-token-submitted/></d:error>\n"
     "</d:response>\n</d:multistatus>",
     "[http://www.example.com/container/resource3 423 error <{DAV:}lock-token-submitted></>]"},
};
#define SAMPLES ((int)(sizeof(samples) / sizeof(samples[0])))

START_TEST(what_real_servers_send)
{
    int i;

    for (i = 0; i < SAMPLES; i++) {
        assert_story(read_bytes(samples[i].xml, strlen(samples[i].xml)), samples[i].story);
    }
}
END_TEST

/* --- what is tolerated --- */

static const struct {
    const char *xml;
    const char *story;
} good[] = {
    {"<multistatus xmlns='DAV:'/>", ""},
    {MULTISTATUS("<D:responsedescription>all <b>x</b>well</D:responsedescription>"),
     " \"all well\""},
    /* what is said of the whole, before the responses, too */
    {MULTISTATUS("<D:sync-token>urn:0123456789</D:sync-token><D:responsedescription>0123456789"
                 "</D:responsedescription><D:response><D:href>/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                 "</D:href><D:status>HTTP/1.1 200</D:status></D:response>"),
     "[/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 200] \"0123456789\" token urn:0123456789"},
    {MULTISTATUS("text<D:response><D:href>/a</D:href><D:href>/b</D:href><D:status>HTTP/1.1 403"
                 "</D:status><D:href>/c</D:href></D:response>"),
     "[/a /b /c 403]"},
    {MULTISTATUS("<D:response><D:status> \tHTTP/2 507 \r\n</D:status><D:href>\n\t /a \n</D:href>"
                 "</D:response>"),
     "[/a 507]"},
    /* each part, in any order */
    {MULTISTATUS("<D:response><D:location> <D:href> http://h/n </D:href></D:location>"
                 "<D:responsedescription> moved </D:responsedescription><D:error>\n<D:e/> x<f/>\n"
                 "</D:error><D:status>HTTP/1.1 301 M</D:status><D:href>/a</D:href></D:response>"),
     "[/a 301 error <{DAV:}e></><{}f></> \" moved \" -> http://h/n]"},
    {MULTISTATUS("<D:response><D:propstat><D:responsedescription>d</D:responsedescription><D:error>"
                 "<D:e>1</D:e></D:error><D:status>HTTP/1.1 403 F</D:status><D:prop><D:p/></D:prop>"
                 "</D:propstat><D:href>/</D:href></D:response>"),
     "[/ (403 <{DAV:}p></> error <{DAV:}e>1</> \"d\")]"},
    /* propstats as they came, also those of one status */
    {MULTISTATUS("<D:response><D:href>/</D:href><D:propstat><D:prop><D:p/></D:prop><D:status>"
                 "HTTP/1.1 404 N</D:status></D:propstat><D:propstat>" OK "</D:propstat>"
                 "<D:propstat><D:prop><q xmlns=''/></D:prop>" OK "</D:propstat></D:response>"),
     "[/ (404 <{DAV:}p></>) (200) (200 <{}q></>)]"},
    /* what is unknown, or out of its place */
    {MULTISTATUS("<x:y xmlns:x='urn:x'><D:response><D:href>/no</D:href></D:response></x:y>"
                 "<D:prop/><D:status>no</D:status><D:response u='v'><x/><D:href a='b'>/a<x>no</x>b"
                 "</D:href><D:prop><D:p/></D:prop><x><D:status>no</D:status><D:propstat><D:status>"
                 "no</D:status></D:propstat></x><D:propstat><D:href/><x/>stray" OK "<x><D:prop/>"
                 "<D:status>no</D:status></x><D:prop>stray<D:p>v</D:p></D:prop></D:propstat>"
                 "</D:response><response><href/></response>"),
     "[/ab (200 <{DAV:}p>v</>)]"},
    {"<!-- a --><?b c?>" MULTISTATUS("<!-- > --><D:response><D:href>/<!-- no -->a<![CDATA[&]]>"
                                     "&amp;&#98;</D:href><?pi?><D:status><![CDATA[HTTP/1.1 200]]>"
                                     "<!-- x --></D:status></D:response>") "\n<!-- d -->",
     "[/a&&b 200]"},
    /* values keep all that they are made of, and the language in force */
    {"<D:multistatus xmlns:D='DAV:' xml:lang='en'><D:response><D:href>/</D:href><D:propstat>"
     "<D:prop xml:lang='fr'><D:p>a <i xmlns='urn:i' xml:lang='de'>b</i> c</D:p><D:q xml:lang='it'/>"
     "</D:prop>" OK "</D:propstat><D:propstat xml:lang=''><D:prop><D:r/></D:prop>" OK
     "</D:propstat><D:propstat><D:prop><D:s b='c'/></D:prop>" OK "</D:propstat></D:response>"
     "</D:multistatus>",
     "[/ (200 <{DAV:}p {http://www.w3.org/XML/1998/namespace}lang=\"fr\">a <{urn:i}i "
     "{http://www.w3.org/XML/1998/namespace}lang=\"de\">b</> c</>"
     "<{DAV:}q {http://www.w3.org/XML/1998/namespace}lang=\"it\"></>) (200 <{DAV:}r></>)"
     " (200 <{DAV:}s {http://www.w3.org/XML/1998/namespace}lang=\"en\" {}b=\"c\"></>)]"},
    {"\xEF\xBB\xBF<multistatus xmlns='DAV:'><response><href>/\xC3\xA9</href><status>HTTP/1.1 200"
     "</status></response></multistatus>",
     "[/\xC3\xA9 200]"},
    {"<?xml version='1.0' encoding='iso-8859-1'?><multistatus xmlns='DAV:'><response><href>/\xE9"
     "</href><status>HTTP/1.1 200</status></response></multistatus>",
     "[/\xC3\xA9 200]"},
};
#define GOOD ((int)(sizeof(good) / sizeof(good[0])))

START_TEST(what_is_tolerated)
{
    int i;

    for (i = 0; i < GOOD; i++) {
        assert_story(read_bytes(good[i].xml, strlen(good[i].xml)), good[i].story);
    }
}
END_TEST

START_TEST(utf_16_with_and_without_a_mark)
{
    static const char xml[] = "<?xml version='1.0' encoding='utf-16'?><multistatus xmlns='DAV:'>"
                              "<response><href>/\xC3\xA9\xF0\x9F\x98\x80</href>"
                              "<status>HTTP/1.1 403 \xE2\x82\xAC</status></response></multistatus>";
    char wide[1024];
    int i;

    for (i = 0; i < 4; i++) {
        assert_story(read_bytes(wide, unit_utf16(wide, xml, i & 1, i & 2)),
                     "[/\xC3\xA9\xF0\x9F\x98\x80 403]");
    }
}
END_TEST

/* Its encoding can be told from no byte less than two. */
START_TEST(utf_16_that_begins_with_a_space)
{
    char wide[256];
    int big;

    for (big = 0; big < 2; big++) {
        assert_story(read_bytes(wide, unit_utf16(wide, " <multistatus xmlns='DAV:'/>", big, 0)),
                     "");
    }
}
END_TEST

START_TEST(prefixes_are_kept_for_the_writer)
{
    outcome_t outcome = {.story = ""};
    unit_sink_t *sink = unit_sink_create();
    dms_reader_t *reader = dms_reader_create(unit_pool, NULL, tell, &outcome);
    static const char xml[] = MULTISTATUS(
        "<D:response><D:href>/</D:href><D:propstat><D:prop><oc:id xmlns:oc='urn:oc'/></D:prop>" OK
        "</D:propstat></D:response>");

    outcome.writer = dms_writer_create(unit_pool, unit_alloc, unit_sink, sink);
    ck_assert_int_eq(dms_reader_feed(reader, xml, sizeof(xml) - 1), APR_SUCCESS);
    ck_assert_int_eq(dms_reader_end(reader, NULL), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_end(outcome.writer, NULL), APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(sink->bytes, "<oc:id xmlns:oc=\"urn:oc\"/>"));
}
END_TEST

/* --- what is refused, and where (at the @, which is not sent) --- */

#define HREF "<D:href>/</D:href>"
#define RESPONSE(content) "<D:response>" content "</D:response>"
#define WITH(content) "\n" MULTISTATUS("\n<D:response>" HREF content "</D:response>")

static const struct {
    const char *xml;
    apr_status_t status;
    const char *message;
} refused[] = {
    {"@", APR_INCOMPLETE, "no element found"},
    {"  \n @", APR_INCOMPLETE, "no element found"},
    {"<D:multistatus xmlns:D='DAV:'>@", APR_INCOMPLETE, "no element found"},
    {"<D:multistatus xmlns:D='DAV:'>\n<D:response>@<D:hr", APR_INCOMPLETE, "unclosed token"},
    {"<D:multistatus xmlns:D='DAV:'>@\xC3", APR_INCOMPLETE, "partial character"},
    {"<D:multistatus xmlns:D='DAV:'>\n<![CDATA[ @", APR_INCOMPLETE, "unclosed CDATA section"},
    {"HTTP@/1.1 500 x", APR_EINVAL, "not well-formed (invalid token)"},
    {"<!@DOCTYPE html><html/>", APR_EINVAL, NULL},
    {"@<html><head/></html>", APR_EINVAL, "the root element is not DAV:multistatus"},
    {"@<multistatus/>", APR_EINVAL, "the root element is not DAV:multistatus"},
    {"<!-- x -->\n@<a:multistatus xmlns:a='DAV'/>", APR_EINVAL,
     "the root element is not DAV:multistatus"},
    {"<multistatus xmlns='DAV:'>\n<a></@b></multistatus>", APR_EINVAL, "mismatched tag"},
    {"<multistatus xmlns='DAV:'>\n\xC3\xA9@\x01</multistatus>", APR_EINVAL,
     "not well-formed (invalid token)"},
    {"<multistatus xmlns='DAV:'>@&nbsp;</multistatus>", APR_EINVAL, "undefined entity"},
    {"@<D:multistatus/>", APR_EINVAL, "unbound prefix"},
    {"<multistatus xmlns='DAV:'/>\n@<b/>", APR_EINVAL, "junk after document element"},
    {"<?xml version='1.0' encoding='@x-none'?><multistatus xmlns='DAV:'/>", APR_EINVAL,
     "unknown encoding"},
    {MULTISTATUS("<D:response><D:status>HTTP/1.1 200 OK</D:status>@</D:response>"), APR_EINVAL,
     "a response without href"},
    {MULTISTATUS("<D:response/>@"), APR_EINVAL, "a response without href"},
    {MULTISTATUS("<D:response>\n<D:href/>@</D:response>"), APR_EINVAL, "an empty href"},
    {MULTISTATUS("<D:response><D:href> \n@</D:href></D:response>"), APR_EINVAL, "an empty href"},
    {WITH("@"), APR_EINVAL, "a response with neither status nor propstat"},
    {WITH(OK "<D:propstat>" OK "</D:propstat>@"), APR_EINVAL,
     "a response with both status and propstat"},
    {WITH(HREF "<D:propstat>" OK "</D:propstat>@"), APR_EINVAL,
     "a response with several hrefs and a propstat"},
    {WITH(OK "\n<D:status>HTTP/1.1 200 OK@</D:status>"), APR_EINVAL, "a second status"},
    {WITH("<D:propstat>" OK "<D:status>HTTP/1.1 404 N@</D:status></D:propstat>"), APR_EINVAL,
     "a second status"},
    {WITH("<D:propstat><D:prop><D:p/></D:prop>@</D:propstat>"), APR_EINVAL,
     "a propstat without status"},
    {WITH("<D:propstat/>@"), APR_EINVAL, "a propstat without status"},
    {WITH("<D:status/>@"), APR_EINVAL, "a status that is no status line"},
    {WITH("<D:status>200 OK@</D:status>"), APR_EINVAL, "a status that is no status line"},
    {WITH("<D:propstat><D:status>HTTP/1.1 102 Processing@</D:status></D:propstat>"), APR_EINVAL,
     "a status that is no status line"},
    {WITH("<D:propstat><D:prop><D:p/></D:prop><D:prop><D:q/>@</D:prop></D:propstat>"), APR_EINVAL,
     "a second prop"},
    {WITH("<D:error><D:e/></D:error><D:error><D:e/>@</D:error>"), APR_EINVAL, "a second error"},
    {WITH("<D:responsedescription/><D:responsedescription/>@"), APR_EINVAL,
     "a second responsedescription"},
    {MULTISTATUS("<D:responsedescription/><D:responsedescription>@</D:responsedescription>"),
     APR_EINVAL, "a second responsedescription"},
    {WITH("<D:location>" HREF "</D:location><D:location>" HREF "@</D:location>"), APR_EINVAL,
     "a second location"},
    {WITH("<D:location>/@</D:location>"), APR_EINVAL, "a location without href"},
    {MULTISTATUS("<D:sync-token>a</D:sync-token><D:sync-token>b@</D:sync-token>"), APR_EINVAL,
     "a second sync-token"},
};
#define REFUSED ((int)(sizeof(refused) / sizeof(refused[0])))

static apr_size_t columns(const char *from, const char *to)
{
    apr_size_t count = 0;

    for (; from < to; from++) {
        count += (*from & 0xC0) != 0x80;
    }
    return count;
}

static void check_refused(int i)
{
    const char *at = strchr(refused[i].xml, '@'), *c, *line = refused[i].xml;
    char *xml = apr_pstrcat(unit_pool, apr_pstrmemdup(unit_pool, line, (apr_size_t)(at - line)),
                            at + 1, NULL);
    outcome_t outcome = read_bytes(xml, strlen(xml));
    int lines = 1;

    ck_assert_msg(outcome.status == refused[i].status, "%s: %d", xml, outcome.status);
    if (!refused[i].message) {
        ck_assert_str_eq(outcome.fault.message, "a document type declaration");
        return;
    }
    for (c = line; c < at; c++) {
        if (*c == '\n') {
            line = c + 1;
            lines++;
        }
    }
    ck_assert_str_eq(outcome.fault.message, refused[i].message);
    ck_assert_msg(outcome.fault.offset == (apr_uint64_t)(at - refused[i].xml), "%s: %d", xml,
                  (int)outcome.fault.offset);
    ck_assert_uint_eq(outcome.fault.line, lines);
    ck_assert_uint_eq(outcome.fault.column, columns(line, at) + 1);
}

START_TEST(what_is_refused)
{
    int i;

    for (i = 0; i < REFUSED; i++) {
        check_refused(i);
    }
}
END_TEST

/* Wherever the bytes end, it is said, and all that was complete has been read. */
START_TEST(cut_document_is_incomplete)
{
    int i;

    for (i = 0; i < SAMPLES; i++) {
        const char *xml = samples[i].xml, *end = strrchr(xml, '>');
        apr_size_t length;

        for (length = 0; length <= (apr_size_t)(end - xml); length++) {
            outcome_t outcome = read_with(NULL, xml, length, (feeding_t){0, 0, 0});

            ck_assert_msg(outcome.status == APR_INCOMPLETE, "%d: %.*s", outcome.status, (int)length,
                          xml);
            ck_assert(!strncmp(outcome.story, samples[i].story, strlen(outcome.story)));
        }
    }
}
END_TEST

START_TEST(responses_before_a_fault_are_read)
{
    outcome_t outcome = read_at_once(MULTISTATUS(
        "<D:response><D:href>/a</D:href>" OK "</D:response><D:response><D:href>/b</D:href>" OK
        "</D:response><D:response/><D:response><D:href>/c</D:href>" OK "</D:response>"));

    ck_assert_int_eq(outcome.status, APR_EINVAL);
    ck_assert_str_eq(outcome.story, "[/a 200][/b 200]");
}
END_TEST

START_TEST(nothing_may_follow_the_end)
{
    outcome_t outcome = {.story = ""};
    dms_reader_t *reader = dms_reader_create(unit_pool, NULL, tell, &outcome);

    ck_assert_int_eq(dms_reader_feed(reader, "<multistatus xmlns='DAV:'/>", 27), APR_SUCCESS);
    ck_assert_int_eq(dms_reader_end(reader, NULL), APR_SUCCESS);
    ck_assert_ptr_null(dms_reader_fault(reader));
    ck_assert_int_eq(dms_reader_feed(reader, "", 0), APR_SUCCESS);
    ck_assert_int_eq(dms_reader_feed(reader, "\n", 1), APR_EINVAL);
    ck_assert_ptr_nonnull(dms_reader_fault(reader));
}
END_TEST

/* --- limits --- */

static const char *in_propstat(const char *content)
{
    return apr_pstrcat(unit_pool,
                       "<D:multistatus xmlns:D='DAV:'>\n" RESPONSE(HREF OK)
                           RESPONSE(HREF OK) "\n<D:response>" HREF "<D:propstat>" OK "<D:prop>",
                       content, "</D:prop></D:propstat></D:response></D:multistatus>", NULL);
}

/* What is at a limit passes, what is one more does not, however it is fed. */
static void check_limit(dms_reader_limits_t limits, const char *at, const char *beyond,
                        const char *message)
{
    static const apr_size_t sizes[] = {0, 1, 7, 1000};
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        feeding_t how = {sizes[i], sizes[i], 0};
        outcome_t outcome = read_with(&limits, at, strlen(at), how);

        ck_assert_msg(outcome.status == APR_SUCCESS, "%s: %s", message, outcome.fault.message);
        outcome = read_with(&limits, beyond, strlen(beyond), how);
        ck_assert_msg(outcome.status == APR_ENOSPC, "%s: %d", message, outcome.status);
        ck_assert_str_eq(outcome.fault.message, message);
        ck_assert_uint_ge(outcome.fault.line, 3);
    }
}

START_TEST(each_limit_holds)
{
    const char *href = "<D:multistatus xmlns:D='DAV:'>\n\n<D:response><D:href>/";

    check_limit((dms_reader_limits_t){.depth = 7}, in_propstat("<a><b><c/></b></a>"),
                in_propstat("<a><b><c><d/></c></b></a>"), "elements nested too deep");
    check_limit((dms_reader_limits_t){.elements = 8}, in_propstat("<a/><b><c/></b>"),
                in_propstat("<a/><b><c/></b><d/>"), "too many elements");
    check_limit((dms_reader_limits_t){.attributes = 2}, in_propstat("<a b='' c=''/>"),
                in_propstat("<a b='' c='' d=''/>"), "too many attributes");
    check_limit((dms_reader_limits_t){.properties = 2}, in_propstat("<a/><b><c/></b>"),
                in_propstat("<a/><b/><c/>"), "too many properties");
    check_limit((dms_reader_limits_t){.propstats = 2},
                in_propstat("</D:prop></D:propstat><D:propstat>" OK "<D:prop>"),
                in_propstat("</D:prop></D:propstat><D:propstat>" OK "</D:propstat><D:propstat>" OK
                            "<D:prop>"),
                "too many propstats");
    check_limit((dms_reader_limits_t){.ns = 8}, in_propstat("<a xmlns='urn:abcd'/>"),
                in_propstat("<a xmlns='urn:abcde'/>"), "a namespace name that is too long");
    check_limit((dms_reader_limits_t){.text = 30},
                in_propstat("<a>123456789<!-- -->01234567890&amp;<![CDATA[123456789]]></a>"),
                in_propstat("<a>123456789<!-- -->01234567890&amp;<![CDATA[1234567890]]></a>"),
                "a text that is too long");
    check_limit((dms_reader_limits_t){.response = 100},
                apr_pstrcat(unit_pool, href, unit_repeat("x", 21), "</D:href>" OK "</D:response>",
                            "</D:multistatus>", NULL),
                apr_pstrcat(unit_pool, href, unit_repeat("x", 22), "</D:href>" OK "</D:response>",
                            "</D:multistatus>", NULL),
                "a child of the root that is too long");
}
END_TEST

START_TEST(markup_is_limited)
{
    static const char long_markup[] = "a tag, comment or instruction that is too long";
    dms_reader_limits_t limits = {.markup = 200};

    check_limit(limits,
                in_propstat(apr_pstrcat(unit_pool, "<a b='", unit_repeat("x", 191), "'/>", NULL)),
                in_propstat(apr_pstrcat(unit_pool, "<a b='", unit_repeat("x", 192), "'/>", NULL)),
                long_markup);
    check_limit(limits,
                in_propstat(apr_pstrcat(unit_pool, "<!--", unit_repeat("x", 193), "-->", NULL)),
                in_propstat(apr_pstrcat(unit_pool, "<!--", unit_repeat("x", 194), "-->", NULL)),
                long_markup);
    check_limit(limits,
                in_propstat(apr_pstrcat(unit_pool, "<?a ", unit_repeat("x", 194), "?>", NULL)),
                in_propstat(apr_pstrcat(unit_pool, "<?a ", unit_repeat("x", 195), "?>", NULL)),
                long_markup);
    /* it is for no text, nor for white space anywhere */
    check_limit(limits, in_propstat(unit_repeat("x ", 1000)),
                in_propstat(apr_pstrcat(unit_pool, "<!--", unit_repeat("x", 1000), NULL)),
                long_markup);
}
END_TEST

/* All names together, also those that are ignored: Expat keeps each. */
START_TEST(names_are_limited)
{
    static const char *const kinds[][2] = {{"<a", "/>"},
                                           {"<a b", "=''/>"},
                                           {"<a xmlns:c", "='urn:'/>"},
                                           {"<a xmlns='urn:", "'/>"}};
    size_t kind;

    for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        outcome_t outcome = {.story = ""};
        dms_reader_t *reader = dms_reader_create(unit_pool, NULL, tell, &outcome);
        apr_status_t rv = dms_reader_feed(reader, "<multistatus xmlns='DAV:'>", 26);
        apr_size_t before = unit_memory();
        int i;

        for (i = 0; i < 100000 && rv == APR_SUCCESS; i++) {
            char piece[64];
            int length = snprintf(piece, sizeof(piece), "%s%d%s", kinds[kind][0], i,
                                  kinds[kind][1]);

            rv = dms_reader_feed(reader, piece, (apr_size_t)length);
        }
        ck_assert_int_gt(i, 5000);
        ck_assert_int_eq(rv, APR_ENOSPC);
        ck_assert_str_eq(dms_reader_fault(reader)->message, "too many different names");
        ck_assert_uint_le(unit_memory(), before + 16 * KIB * KIB);
    }
}
END_TEST

/* A megabyte of an attribute that never ends costs no megabyte. */
START_TEST(endless_markup_is_not_kept)
{
    static const char *const starts[] = {"<a b='", "<!-- ", "<?a ", "<a", "<!-- \xC3\xA9"};
    char *piece = unit_repeat("x", 64 * KIB);
    size_t i;

    for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        outcome_t outcome = {.story = ""};
        dms_reader_t *reader = dms_reader_create(unit_pool, NULL, tell, &outcome);
        int pieces;

        ck_assert_int_eq(dms_reader_feed(reader, i & 1 ? "" : "<multistatus xmlns='DAV:'>",
                                         i & 1 ? 0 : 26),
                         APR_SUCCESS);
        ck_assert_int_eq(dms_reader_feed(reader, starts[i], strlen(starts[i])), APR_SUCCESS);
        for (pieces = 0; dms_reader_feed(reader, piece, 64 * KIB) == APR_SUCCESS; pieces++) {
            ck_assert_int_lt(pieces, 4);
        }
        ck_assert_int_eq(dms_reader_end(reader, NULL), APR_ENOSPC);
    }
}
END_TEST

START_TEST(white_space_has_no_limit)
{
    char *space = unit_repeat(" \n\t\r", 32 * KIB);
    const char *xml = apr_pstrcat(unit_pool, "<?xml version='1.0'?>", space,
                                  "<multistatus xmlns='DAV:'>", space, "</multistatus>", space,
                                  NULL);
    feeding_t how = {1000, 1000, 0};

    assert_story(read_at_once(xml), "");
    assert_story(read_with(NULL, xml, strlen(xml), how), "");
}
END_TEST

START_TEST(laughs_cost_nothing)
{
    outcome_t outcome = read_at_once("<!DOCTYPE m [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>"
                                     "<m:multistatus xmlns:m='DAV:'>&b;</m:multistatus>");

    ck_assert_int_eq(outcome.status, APR_EINVAL);
    ck_assert_str_eq(outcome.fault.message, "a document type declaration");
    ck_assert_uint_eq(outcome.fault.line, 1);
}
END_TEST

/* --- the callback --- */

typedef struct stop_t {
    int calls;
    int at;
} stop_t;

static apr_status_t stop(void *baton, dms_response_t *response)
{
    stop_t *state = baton;

    return ++state->calls == state->at ? APR_ECONNABORTED : APR_SUCCESS;
}

static void check_callback_ends_the_reading(const char *xml, apr_size_t size)
{
    stop_t state = {0, 2};
    dms_reader_t *reader = dms_reader_create(unit_pool, NULL, stop, &state);
    apr_status_t rv = APR_SUCCESS;
    dms_multistatus_t whole;

    for (; *xml && rv == APR_SUCCESS; xml += size) {
        size = size < strlen(xml) ? size : strlen(xml);
        rv = dms_reader_feed(reader, xml, size);
    }
    ck_assert_int_eq(rv, APR_ECONNABORTED);
    ck_assert_int_eq(dms_reader_feed(reader, "</D:multistatus>", 16), APR_ECONNABORTED);
    ck_assert_int_eq(dms_reader_end(reader, &whole), APR_ECONNABORTED);
    ck_assert_int_eq(state.calls, 2);
    ck_assert_uint_eq(whole.responses, 2);
    ck_assert_ptr_null(dms_reader_fault(reader));
}

START_TEST(callback_ends_the_reading)
{
    const char *xml = apr_pstrcat(unit_pool, "<D:multistatus xmlns:D='DAV:'>",
                                  unit_repeat(RESPONSE(HREF OK), 5), "</D:multistatus>", NULL);

    check_callback_ends_the_reading(xml, strlen(xml));
    check_callback_ends_the_reading(xml, 1);
}
END_TEST

static apr_status_t keep_pool(void *baton, dms_response_t *response)
{
    static const char key[] = "key";
    void *data;

    apr_pool_userdata_get(&data, key, response->pool);
    ck_assert_ptr_null(data);
    apr_pool_userdata_setn(key, key, NULL, response->pool);
    ck_assert(!*(apr_pool_t **)baton || *(apr_pool_t **)baton == response->pool);
    *(apr_pool_t **)baton = response->pool;
    return APR_SUCCESS;
}

START_TEST(pool_is_cleared_after_each_response)
{
    const char *xml = apr_pstrcat(unit_pool, "<D:multistatus xmlns:D='DAV:'>",
                                  unit_repeat(RESPONSE(HREF OK), 5), "</D:multistatus>", NULL);
    apr_pool_t *pool = NULL;
    dms_reader_t *reader = dms_reader_create(unit_pool, NULL, keep_pool, &pool);

    ck_assert_int_eq(dms_reader_feed(reader, xml, strlen(xml)), APR_SUCCESS);
    ck_assert_ptr_nonnull(pool);
    ck_assert_ptr_ne(pool, unit_pool);
}
END_TEST

/* --- brigades --- */

static void append_data(apr_bucket_brigade *bb, const char *data)
{
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_immortal_create(data, strlen(data), unit_alloc));
}

START_TEST(brigade_with_metadata)
{
    outcome_t outcome = {.story = ""};
    dms_reader_t *reader = dms_reader_create(unit_pool, NULL, tell, &outcome);
    apr_bucket_brigade *bb = apr_brigade_create(unit_pool, unit_alloc);
    int at_end = 0;

    append_data(bb, "<multistatus xmlns='DAV:'><response><hr");
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(unit_alloc));
    append_data(bb, "");
    append_data(bb, "ef>/</href><status>HTTP/1.1 200</status></response>");
    ck_assert_int_eq(dms_reader_feed_brigade(reader, bb, &at_end), APR_SUCCESS);
    ck_assert(APR_BRIGADE_EMPTY(bb));
    ck_assert_int_eq(at_end, 0);
    ck_assert_str_eq(outcome.story, "[/ 200]");
    append_data(bb, "</multistatus>");
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(unit_alloc));
    append_data(bb, "<junk>");
    ck_assert_int_eq(dms_reader_feed_brigade(reader, bb, &at_end), APR_SUCCESS);
    ck_assert(APR_BRIGADE_EMPTY(bb));
    ck_assert_int_eq(at_end, 1);
    ck_assert_int_eq(dms_reader_end(reader, NULL), APR_SUCCESS);
}
END_TEST

START_TEST(brigade_is_emptied_also_after_a_fault)
{
    outcome_t outcome = {.story = ""};
    dms_reader_t *reader = dms_reader_create(unit_pool, NULL, tell, &outcome);
    apr_bucket_brigade *bb = apr_brigade_create(unit_pool, unit_alloc);
    int at_end = 0, round;

    for (round = 0; round < 2; round++) {
        append_data(bb, "<html>");
        append_data(bb, "<html>");
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(unit_alloc));
        ck_assert_int_eq(dms_reader_feed_brigade(reader, bb, &at_end), APR_EINVAL);
        ck_assert(APR_BRIGADE_EMPTY(bb));
        ck_assert_int_eq(at_end, 0);
    }
}
END_TEST

/* A pipe without a writer's end can be read; one whose descriptor is closed can't. */
START_TEST(bucket_that_cannot_be_read_ends_the_reading)
{
    outcome_t outcome = {.story = ""};
    dms_reader_t *reader = dms_reader_create(unit_pool, NULL, tell, &outcome);
    apr_bucket_brigade *bb = apr_brigade_create(unit_pool, unit_alloc);
    apr_file_t *in, *out;
    apr_status_t rv;
    int at_end = 0;

    ck_assert_int_eq(apr_file_pipe_create(&in, &out, unit_pool), APR_SUCCESS);
    apr_file_close(out);
    apr_file_close(in);
    append_data(bb, "<multistatus xmlns='DAV:'>");
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_pipe_create(in, unit_alloc));
    append_data(bb, "</multistatus>");
    rv = dms_reader_feed_brigade(reader, bb, &at_end);
    ck_assert_int_ne(rv, APR_SUCCESS);
    ck_assert(APR_BRIGADE_EMPTY(bb));
    ck_assert_int_eq(dms_reader_feed(reader, "</multistatus>", 14), rv);
    ck_assert_int_eq(dms_reader_end(reader, NULL), rv);
    ck_assert_ptr_null(dms_reader_fault(reader));
}
END_TEST

/* --- what the writer writes --- */

static dms_writer_t *writer_to(unit_sink_t *sink)
{
    return dms_writer_create(unit_pool, unit_alloc, unit_sink, sink);
}

static dms_element_t *some_property(int number)
{
    static const char *const spaces[] = {"DAV:", "urn:a", "urn:<&\"'>", ""};
    dms_element_t *element = unit_element(spaces[number % 4], "p",
                                          number % 3 ? "a<b>&\"'\r\n\t\xC3\xA9" : NULL,
                                          number % 5 ? unit_element("urn:b", "c", " ",
                                                                    unit_text("d"), NULL)
                                                     : NULL,
                                          NULL);

    if (number % 2) {
        unit_attribute(element, DMS_NS_XML, "lang", "de");
        unit_attribute(element, "urn:a", "x", "\"<&>\n");
    }
    return element;
}

static dms_response_t *some_response(int number)
{
    const char *uri = apr_psprintf(unit_pool, "%s/a&b%%20%d/", number % 2 ? "http://h" : "",
                                   number);
    dms_response_t *response = dms_response_create(unit_pool, uri);
    dms_propstat_t *propstat;

    if (number % 3) {
        propstat = dms_response_propstat(response, 200);
        dms_propstat_add(propstat, some_property(number));
        dms_propstat_add(propstat, some_property(number + 1));
        propstat = dms_response_propstat(response, 403);
        dms_propstat_add(propstat, some_property(number + 2));
        propstat->error = unit_element("DAV:", "cannot-modify-protected-property", NULL, NULL);
        propstat->description = " no\n";
        dms_response_propstat(response, 424);
    }
    else {
        dms_response_set_status(response, 302 + number % 200);
        dms_response_add_href(response, "/b");
        dms_response_add_href(response, "/c");
        response->location = "http://h/?a=b&c";
    }
    if (number % 4) {
        response->error = unit_list(unit_element("urn:e", "e", "x", NULL),
                                    unit_element("DAV:", "f", NULL, NULL), NULL);
        response->description = "<why>";
    }
    return response;
}

/* What is read is what was written, and written again it is the same to the byte. */
START_TEST(round_trip)
{
    unit_sink_t *first = unit_sink_create(), *second = unit_sink_create();
    outcome_t expected = {.story = ""}, outcome = {.story = ""};
    dms_writer_t *writer = writer_to(first);
    dms_multistatus_t whole;
    dms_reader_t *reader;
    int i;

    for (i = 0; i < 60; i++) {
        tell(&expected, some_response(i));
        ck_assert_int_eq(dms_writer_response(writer, some_response(i)), APR_SUCCESS);
    }
    ck_assert_int_eq(dms_writer_end(writer, " the end "), APR_SUCCESS);
    assert_story(read_at_once(first->bytes),
                 apr_pstrcat(unit_pool, expected.story, " \" the end \"", NULL));
    outcome.writer = writer_to(second);
    reader = dms_reader_create(unit_pool, NULL, tell, &outcome);
    ck_assert_int_eq(dms_reader_feed(reader, first->bytes, first->length), APR_SUCCESS);
    ck_assert_int_eq(dms_reader_end(reader, &whole), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_end(outcome.writer, whole.description), APR_SUCCESS);
    ck_assert_str_eq(second->bytes, first->bytes);
}
END_TEST

/* --- what nobody would send --- */

static void mutilate(char *xml, apr_size_t length)
{
    static const char nasty[] = "<>&;\"'=:/!?[]- \x01\xC3\xFFxD1";
    unsigned int i;

    for (i = 1 + unit_random(3); i > 0; i--) {
        xml[unit_random((unsigned int)length)] = nasty[unit_random(sizeof(nasty))];
    }
}

START_TEST(mutilated_documents_are_survived)
{
    int round;

    unit_random_seed((apr_uint64_t)_i + 207);
    for (round = 0; round < 1500; round++) {
        apr_pool_t *outer = unit_pool;
        apr_size_t length;
        char *xml;

        apr_pool_create(&unit_pool, outer);
        xml = apr_pstrdup(unit_pool, unit_random(2) ? samples[unit_random(SAMPLES)].xml
                                                    : good[unit_random(GOOD)].xml);
        length = strlen(xml);
        mutilate(xml, length);
        assert_same(read_with(NULL, xml, length, (feeding_t){0, 0, 0}),
                    read_with(NULL, xml, length, (feeding_t){1, 1, 0}));
        apr_pool_destroy(unit_pool);
        unit_pool = outer;
    }
}
END_TEST

/* --- memory --- */

static apr_status_t count(void *baton, dms_response_t *response)
{
    apr_uint64_t *bytes = baton;

    *bytes += strlen(response->propstats->properties->text);
    return APR_SUCCESS;
}

START_TEST(million_responses_cost_the_memory_of_one)
{
    static const char format[] =
        "<D:response>\n<D:href>/folder/member-%07d</D:href><D:propstat><D:prop>"
        "<D:displayname>member-%07d</D:displayname><x:p xmlns:x='urn:%d'/></D:prop>" OK
        "</D:propstat></D:response>\n";
    apr_uint64_t bytes = 0;
    dms_reader_t *reader = dms_reader_create(unit_pool, NULL, count, &bytes);
    apr_size_t early = 0, most = 0;
    int i;

    ck_assert_int_eq(dms_reader_feed(reader, "<D:multistatus xmlns:D='DAV:'>", 30), APR_SUCCESS);
    for (i = 0; i < 1000000; i++) {
        char xml[512];
        int length = snprintf(xml, sizeof(xml), format, i, i, i % 100);

        ck_assert_int_eq(dms_reader_feed(reader, xml, (apr_size_t)length), APR_SUCCESS);
        if (i == 1000) {
            early = unit_memory();
        }
        if (i > 1000 && i % 997 == 0) {
            apr_size_t now = unit_memory();
            most = now > most ? now : most;
        }
    }
    ck_assert_int_eq(dms_reader_feed(reader, "</D:multistatus>", 16), APR_SUCCESS);
    ck_assert_int_eq(dms_reader_end(reader, NULL), APR_SUCCESS);
    ck_assert_uint_eq(bytes, 14 * 1000000);
    ck_assert_uint_le(most, early + 128 * KIB);
}
END_TEST

START_TEST(reader_is_freed_with_its_pool)
{
    apr_size_t before = 0;
    int round;

    for (round = 0; round < 2000; round++) {
        apr_pool_t *outer = unit_pool;

        if (round == 200) {
            before = unit_memory();
        }
        apr_pool_create(&unit_pool, outer);
        read_with(NULL, samples[0].xml, strlen(samples[0].xml) - (apr_size_t)(round % 100),
                  (feeding_t){0, 0, 0});
        apr_pool_destroy(unit_pool);
        unit_pool = outer;
    }
    ck_assert_uint_le(unit_memory(), before + 64 * KIB);
}
END_TEST

Suite *reader_suite(void)
{
    Suite *suite = suite_create("reader");
    TCase *tests = unit_case(suite, "read", 60);

    tcase_add_test(tests, what_real_servers_send);
    tcase_add_test(tests, what_is_tolerated);
    tcase_add_test(tests, utf_16_with_and_without_a_mark);
    tcase_add_test(tests, utf_16_that_begins_with_a_space);
    tcase_add_test(tests, prefixes_are_kept_for_the_writer);
    tcase_add_test(tests, round_trip);

    tests = unit_case(suite, "refused", 60);
    tcase_add_test(tests, what_is_refused);
    tcase_add_test(tests, cut_document_is_incomplete);
    tcase_add_test(tests, responses_before_a_fault_are_read);
    tcase_add_test(tests, nothing_may_follow_the_end);
    tcase_add_test(tests, laughs_cost_nothing);
    tcase_add_loop_test(tests, mutilated_documents_are_survived, 0, 4);

    tests = unit_case(suite, "limits", 60);
    tcase_add_test(tests, each_limit_holds);
    tcase_add_test(tests, markup_is_limited);
    tcase_add_test(tests, names_are_limited);
    tcase_add_test(tests, endless_markup_is_not_kept);
    tcase_add_test(tests, white_space_has_no_limit);

    tests = unit_case(suite, "callback", 20);
    tcase_add_test(tests, callback_ends_the_reading);
    tcase_add_test(tests, pool_is_cleared_after_each_response);

    tests = unit_case(suite, "brigades", 20);
    tcase_add_test(tests, brigade_with_metadata);
    tcase_add_test(tests, brigade_is_emptied_also_after_a_fault);
    tcase_add_test(tests, bucket_that_cannot_be_read_ends_the_reading);

    tests = unit_case(suite, "memory", 300);
    tcase_add_test(tests, million_responses_cost_the_memory_of_one);
    tcase_add_test(tests, reader_is_freed_with_its_pool);
    return suite;
}
