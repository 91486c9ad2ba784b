/*
 * The examples of RFC 4918, built with the API and compared with the RFC's own text: each 207 of
 * section 9 and 15, and the property with mixed content of section 4.3.1. (Section 13 shows no
 * XML; its rules are tested in test_writer.c.)
 */
#include <apr_strings.h>

#include "multistatus/writer.h"
#include "request/xml_body.h"
#include "unit.h"

#define BOX "http://ns.example.com/boxschema/"
#define Z "http://ns.example.com/standards/z39.50/"

#define XML_DECLARATION "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n"

static unit_sink_t *sink;
static dms_writer_t *writer;

static void setup(void)
{
    sink = unit_sink_create();
    writer = dms_writer_create(unit_pool, unit_alloc, unit_sink, sink);
}

static dms_element_t *dav(const char *local, const char *text)
{
    return unit_element("DAV:", local, text, NULL);
}

static dms_element_t *around(const char *local, dms_element_t *child)
{
    return unit_element("DAV:", local, NULL, child, NULL);
}

static dms_response_t *response_of(const char *uri)
{
    return dms_response_create(dms_writer_pool(writer), uri);
}

static void add(dms_response_t *response, int status, dms_element_t *property)
{
    dms_propstat_t *propstat = dms_response_propstat(response, status);

    ck_assert_ptr_nonnull(propstat);
    dms_propstat_add(propstat, property);
}

static void put(const dms_response_t *response)
{
    ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
}

static const char *ended(const char *description)
{
    ck_assert_int_eq(dms_writer_end(writer, description), APR_SUCCESS);
    return sink->bytes;
}

static dms_element_t *box(const char *type)
{
    return unit_element(BOX, "bigbox", NULL, unit_element(BOX, "BoxType", type, NULL), NULL);
}

static dms_element_t *author(const char *name)
{
    return unit_element(BOX, "author", NULL, unit_element(BOX, "Name", name, NULL), NULL);
}

static dms_element_t *lockentry(const char *scope)
{
    return unit_element("DAV:", "lockentry", NULL, around("lockscope", dav(scope, NULL)),
                        around("locktype", dav("write", NULL)), NULL);
}

static dms_element_t *supportedlock(void)
{
    return unit_element("DAV:", "supportedlock", NULL, lockentry("exclusive"), lockentry("shared"),
                        NULL);
}

START_TEST(section_9_1_3_named_properties)
{
    static const char denied[] = " The user does not have access to the\n"
                                 "      DingALing property.\n"
                                 "           ";
    static const char overall[] = " There has been an access violation error.\n       ";
    dms_response_t *response = response_of("http://www.example.com/file");

    add(response, 200, box("Box type A"));
    add(response, 200, author("J.J. Johnson"));
    add(response, 403, unit_element(BOX, "DingALing", NULL, NULL));
    add(response, 403, unit_element(BOX, "Random", NULL, NULL));
    dms_response_propstat(response, 403)->description = denied;
    put(response);
    unit_assert_same_xml(
        ended(overall),
        XML_DECLARATION "     <D:multistatus xmlns:D=\"DAV:\">\n"
                        "       <D:response xmlns:R=\"http://ns.example.com/boxschema/\">\n"
                        "         <D:href>http://www.example.com/file</D:href>\n"
                        "         <D:propstat>\n"
                        "           <D:prop>\n"
                        "             <R:bigbox>\n"
                        "               <R:BoxType>Box type A</R:BoxType>\n"
                        "             </R:bigbox>\n"
                        "             <R:author>\n"
                        "               <R:Name>J.J. Johnson</R:Name>\n"
                        "             </R:author>\n"
                        "           </D:prop>\n"
                        "           <D:status>HTTP/1.1 200 OK</D:status>\n"
                        "         </D:propstat>\n"
                        "         <D:propstat>\n"
                        "           <D:prop><R:DingALing/><R:Random/></D:prop>\n"
                        "           <D:status>HTTP/1.1 403 Forbidden</D:status>\n"
                        "           <D:responsedescription> The user does not have access to the\n"
                        "      DingALing property.\n"
                        "           </D:responsedescription>\n"
                        "         </D:propstat>\n"
                        "       </D:response>\n"
                        "       <D:responsedescription> There has been an access violation error.\n"
                        "       </D:responsedescription>\n"
                        "     </D:multistatus>\n",
        UNIT_LOOSE_SPACE);
    ck_assert_uint_eq(dms_writer_failures(writer), 1);
}
END_TEST

START_TEST(section_9_1_4_propname)
{
    static const char *const of_container[] = {"creationdate", "displayname", "resourcetype",
                                               "supportedlock"};
    static const char *const of_front[] = {"creationdate",   "displayname",  "getcontentlength",
                                           "getcontenttype", "getetag",      "getlastmodified",
                                           "resourcetype",   "supportedlock"};
    dms_response_t *response;
    size_t i;

    dms_writer_declare(writer, BOX);
    response = response_of("http://www.example.com/container/");
    add(response, 200, unit_element(BOX, "bigbox", NULL, NULL));
    add(response, 200, unit_element(BOX, "author", NULL, NULL));
    for (i = 0; i < sizeof(of_container) / sizeof(of_container[0]); i++) {
        add(response, 200, dav(of_container[i], NULL));
    }
    put(response);
    response = response_of("http://www.example.com/container/front.html");
    add(response, 200, unit_element(BOX, "bigbox", NULL, NULL));
    for (i = 0; i < sizeof(of_front) / sizeof(of_front[0]); i++) {
        add(response, 200, dav(of_front[i], NULL));
    }
    put(response);
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "     <multistatus xmlns=\"DAV:\">\n"
                         "       <response>\n"
                         "         <href>http://www.example.com/container/</href>\n"
                         "         <propstat>\n"
                         "           <prop xmlns:R=\"http://ns.example.com/boxschema/\">\n"
                         "             <R:bigbox/>\n"
                         "             <R:author/>\n"
                         "             <creationdate/>\n"
                         "             <displayname/>\n"
                         "             <resourcetype/>\n"
                         "             <supportedlock/>\n"
                         "           </prop>\n"
                         "           <status>HTTP/1.1 200 OK</status>\n"
                         "         </propstat>\n"
                         "       </response>\n"
                         "       <response>\n"
                         "         <href>http://www.example.com/container/front.html</href>\n"
                         "         <propstat>\n"
                         "           <prop xmlns:R=\"http://ns.example.com/boxschema/\">\n"
                         "             <R:bigbox/>\n"
                         "             <creationdate/>\n"
                         "             <displayname/>\n"
                         "             <getcontentlength/>\n"
                         "             <getcontenttype/>\n"
                         "             <getetag/>\n"
                         "             <getlastmodified/>\n"
                         "             <resourcetype/>\n"
                         "             <supportedlock/>\n"
                         "           </prop>\n"
                         "           <status>HTTP/1.1 200 OK</status>\n"
                         "         </propstat>\n"
                         "       </response>\n"
                         "     </multistatus>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(section_9_1_5_allprop)
{
    dms_response_t *response = response_of("/container/");

    add(response, 200, box("Box type A"));
    add(response, 200, author("Hadrian"));
    add(response, 200, dav("creationdate", "1997-12-01T17:42:21-08:00"));
    add(response, 200, dav("displayname", "Example collection"));
    add(response, 200, around("resourcetype", dav("collection", NULL)));
    add(response, 200, supportedlock());
    put(response);
    response = response_of("/container/front.html");
    add(response, 200, box("Box type B"));
    add(response, 200, dav("creationdate", "1997-12-01T18:27:21-08:00"));
    add(response, 200, dav("displayname", "Example HTML resource"));
    add(response, 200, dav("getcontentlength", "4525"));
    add(response, 200, dav("getcontenttype", "text/html"));
    add(response, 200, dav("getetag", "\"zzyzx\""));
    add(response, 200, dav("getlastmodified", "Mon, 12 Jan 1998 09:25:56 GMT"));
    add(response, 200, dav("resourcetype", NULL));
    add(response, 200, supportedlock());
    put(response);
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "     <D:multistatus xmlns:D=\"DAV:\">\n"
                         "       <D:response>\n"
                         "         <D:href>/container/</D:href>\n"
                         "         <D:propstat>\n"
                         "           <D:prop xmlns:R=\"http://ns.example.com/boxschema/\">\n"
                         "             <R:bigbox><R:BoxType>Box type A</R:BoxType></R:bigbox>\n"
                         "             <R:author><R:Name>Hadrian</R:Name></R:author>\n"
                         "             <D:creationdate>1997-12-01T17:42:21-08:00</D:creationdate>\n"
                         "             <D:displayname>Example collection</D:displayname>\n"
                         "             <D:resourcetype><D:collection/></D:resourcetype>\n"
                         "             <D:supportedlock>\n"
                         "               <D:lockentry>\n"
                         "                 <D:lockscope><D:exclusive/></D:lockscope>\n"
                         "                 <D:locktype><D:write/></D:locktype>\n"
                         "               </D:lockentry>\n"
                         "               <D:lockentry>\n"
                         "                 <D:lockscope><D:shared/></D:lockscope>\n"
                         "                 <D:locktype><D:write/></D:locktype>\n"
                         "               </D:lockentry>\n"
                         "             </D:supportedlock>\n"
                         "           </D:prop>\n"
                         "           <D:status>HTTP/1.1 200 OK</D:status>\n"
                         "         </D:propstat>\n"
                         "       </D:response>\n"
                         "       <D:response>\n"
                         "         <D:href>/container/front.html</D:href>\n"
                         "         <D:propstat>\n"
                         "           <D:prop xmlns:R=\"http://ns.example.com/boxschema/\">\n"
                         "             <R:bigbox><R:BoxType>Box type B</R:BoxType>\n"
                         "             </R:bigbox>\n"
                         "             <D:creationdate>1997-12-01T18:27:21-08:00</D:creationdate>\n"
                         "             <D:displayname>Example HTML resource</D:displayname>\n"
                         "             <D:getcontentlength>4525</D:getcontentlength>\n"
                         "             <D:getcontenttype>text/html</D:getcontenttype>\n"
                         "             <D:getetag>\"zzyzx\"</D:getetag>\n"
                         "             <D:getlastmodified\n"
                         "               >Mon, 12 Jan 1998 09:25:56 GMT</D:getlastmodified>\n"
                         "             <D:resourcetype/>\n"
                         "             <D:supportedlock>\n"
                         "               <D:lockentry>\n"
                         "                 <D:lockscope><D:exclusive/></D:lockscope>\n"
                         "                 <D:locktype><D:write/></D:locktype>\n"
                         "               </D:lockentry>\n"
                         "               <D:lockentry>\n"
                         "                 <D:lockscope><D:shared/></D:lockscope>\n"
                         "                 <D:locktype><D:write/></D:locktype>\n"
                         "               </D:lockentry>\n"
                         "             </D:supportedlock>\n"
                         "           </D:prop>\n"
                         "           <D:status>HTTP/1.1 200 OK</D:status>\n"
                         "         </D:propstat>\n"
                         "       </D:response>\n"
                         "     </D:multistatus>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(section_9_2_2_proppatch)
{
    dms_response_t *response = response_of("http://www.example.com/bar.html");

    dms_writer_declare(writer, Z);
    add(response, 424, unit_element(Z, "Authors", NULL, NULL));
    add(response, 409, unit_element(Z, "Copyright-Owner", NULL, NULL));
    response->description = " Copyright Owner cannot be deleted or\n           altered.";
    put(response);
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "     <D:multistatus xmlns:D=\"DAV:\"\n"
                         "             xmlns:Z=\"http://ns.example.com/standards/z39.50/\">\n"
                         "       <D:response>\n"
                         "         <D:href>http://www.example.com/bar.html</D:href>\n"
                         "         <D:propstat>\n"
                         "           <D:prop><Z:Authors/></D:prop>\n"
                         "           <D:status>HTTP/1.1 424 Failed Dependency</D:status>\n"
                         "         </D:propstat>\n"
                         "         <D:propstat>\n"
                         "           <D:prop><Z:Copyright-Owner/></D:prop>\n"
                         "           <D:status>HTTP/1.1 409 Conflict</D:status>\n"
                         "         </D:propstat>\n"
                         "         <D:responsedescription> Copyright Owner cannot be deleted or\n"
                         "           altered.</D:responsedescription>\n"
                         "       </D:response>\n"
                         "     </D:multistatus>\n",
                         UNIT_LOOSE_SPACE);
    ck_assert_uint_eq(dms_writer_failures(writer), 1);
}
END_TEST

static void put_locked(const char *uri)
{
    dms_response_t *response = response_of(uri);

    ck_assert_int_eq(dms_response_set_status(response, 423), APR_SUCCESS);
    response->error = dav("lock-token-submitted", NULL);
    put(response);
}

START_TEST(section_9_6_2_delete)
{
    put_locked("http://www.example.com/container/resource3");
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "     <d:multistatus xmlns:d=\"DAV:\">\n"
                         "       <d:response>\n"
                         "         <d:href>http://www.example.com/container/resource3</d:href>\n"
                         "         <d:status>HTTP/1.1 423 Locked</d:status>\n"
                         "         <d:error><d:lock-token-submitted/></d:error>\n"
                         "       </d:response>\n"
                         "     </d:multistatus>\n",
                         UNIT_LOOSE_SPACE);
    ck_assert_uint_eq(dms_writer_failures(writer), 1);
}
END_TEST

START_TEST(section_9_8_8_copy)
{
    put_locked("http://www.example.com/othercontainer/R2/");
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "\n     <d:multistatus xmlns:d=\"DAV:\">\n"
                         "       <d:response>\n"
                         "         <d:href>http://www.example.com/othercontainer/R2/</d:href>\n"
                         "         <d:status>HTTP/1.1 423 Locked</d:status>\n"
                         "         <d:error><d:lock-token-submitted/></d:error>\n"
                         "       </d:response>\n"
                         "     </d:multistatus>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(section_9_9_6_move)
{
    put_locked("http://www.example.com/othercontainer/C2/");
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "     <d:multistatus xmlns:d='DAV:'>\n"
                         "       <d:response>\n"
                         "         <d:href>http://www.example.com/othercontainer/C2/</d:href>\n"
                         "         <d:status>HTTP/1.1 423 Locked</d:status>\n"
                         "         <d:error><d:lock-token-submitted/></d:error>\n"
                         "       </d:response>\n"
                         "     </d:multistatus>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(section_9_10_9_lock)
{
    dms_response_t *response = response_of("http://example.com/webdav/secret");

    ck_assert_int_eq(dms_response_set_status(response, 403), APR_SUCCESS);
    put(response);
    response = response_of("http://example.com/webdav/");
    ck_assert_int_eq(dms_response_set_status(response, 424), APR_SUCCESS);
    put(response);
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "     <D:multistatus xmlns:D=\"DAV:\">\n"
                         "       <D:response>\n"
                         "         <D:href>http://example.com/webdav/secret</D:href>\n"
                         "         <D:status>HTTP/1.1 403 Forbidden</D:status>\n"
                         "       </D:response>\n"
                         "       <D:response>\n"
                         "         <D:href>http://example.com/webdav/</D:href>\n"
                         "         <D:status>HTTP/1.1 424 Failed Dependency</D:status>\n"
                         "       </D:response>\n"
                         "     </D:multistatus>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(section_15_8_1_lockdiscovery)
{
    dms_response_t *response = response_of("http://www.example.com/container/");
    dms_element_t *lock = unit_element(
        "DAV:", "activelock", NULL, around("locktype", dav("write", NULL)),
        around("lockscope", dav("exclusive", NULL)), dav("depth", "0"), dav("owner", "Jane Smith"),
        dav("timeout", "Infinite"),
        around("locktoken", dav("href", "urn:uuid:f81de2ad-7f3d-a1b2-4f3c-00a0c91a9d76")),
        around("lockroot", dav("href", "http://www.example.com/container/")), NULL);

    add(response, 200, around("lockdiscovery", lock));
    put(response);
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "     <D:multistatus xmlns:D='DAV:'>\n"
                         "       <D:response>\n"
                         "         <D:href>http://www.example.com/container/</D:href>\n"
                         "         <D:propstat>\n"
                         "           <D:prop>\n"
                         "             <D:lockdiscovery>\n"
                         "              <D:activelock>\n"
                         "               <D:locktype><D:write/></D:locktype>\n"
                         "               <D:lockscope><D:exclusive/></D:lockscope>\n"
                         "               <D:depth>0</D:depth>\n"
                         "               <D:owner>Jane Smith</D:owner>\n"
                         "               <D:timeout>Infinite</D:timeout>\n"
                         "               <D:locktoken>\n"
                         "                 <D:href\n"
                         "             >urn:uuid:f81de2ad-7f3d-a1b2-4f3c-00a0c91a9d76</D:href>\n"
                         "               </D:locktoken>\n"
                         "               <D:lockroot>\n"
                         "                 <D:href>http://www.example.com/container/</D:href>\n"
                         "               </D:lockroot>\n"
                         "              </D:activelock>\n"
                         "             </D:lockdiscovery>\n"
                         "           </D:prop>\n"
                         "           <D:status>HTTP/1.1 200 OK</D:status>\n"
                         "         </D:propstat>\n"
                         "       </D:response>\n"
                         "     </D:multistatus>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(section_15_10_1_supportedlock)
{
    dms_response_t *response = response_of("http://www.example.com/container/");

    add(response, 200, supportedlock());
    put(response);
    unit_assert_same_xml(ended(NULL),
                         XML_DECLARATION
                         "     <D:multistatus xmlns:D=\"DAV:\">\n"
                         "       <D:response>\n"
                         "         <D:href>http://www.example.com/container/</D:href>\n"
                         "         <D:propstat>\n"
                         "           <D:prop>\n"
                         "             <D:supportedlock>\n"
                         "               <D:lockentry>\n"
                         "                 <D:lockscope><D:exclusive/></D:lockscope>\n"
                         "                 <D:locktype><D:write/></D:locktype>\n"
                         "               </D:lockentry>\n"
                         "               <D:lockentry>\n"
                         "                 <D:lockscope><D:shared/></D:lockscope>\n"
                         "                 <D:locktype><D:write/></D:locktype>\n"
                         "               </D:lockentry>\n"
                         "             </D:supportedlock>\n"
                         "           </D:prop>\n"
                         "           <D:status>HTTP/1.1 200 OK</D:status>\n"
                         "         </D:propstat>\n"
                         "       </D:response>\n"
                         "     </D:multistatus>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(section_7_5_2_error)
{
    dms_buffer_t out;

    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
    dms_xml_document(&out, "error", around("lock-token-submitted", dav("href", "/locked/")), NULL);
    dms_buffer_pass(&out, 0);
    unit_assert_same_xml(sink->bytes,
                         XML_DECLARATION "     <D:error xmlns:D=\"DAV:\">\n"
                                         "       <D:lock-token-submitted>\n"
                                         "         <D:href>/locked/</D:href>\n"
                                         "       </D:lock-token-submitted>\n"
                                         "     </D:error>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(section_9_10_7_lock)
{
    dms_element_t *lock = unit_element(
        "DAV:", "activelock", NULL, around("locktype", dav("write", NULL)),
        around("lockscope", dav("exclusive", NULL)), dav("depth", "infinity"),
        around("owner", dav("href", "http://example.org/~ejw/contact.html")),
        dav("timeout", "Second-604800"),
        around("locktoken", dav("href", "urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4")),
        around("lockroot", dav("href", "http://example.com/workspace/webdav/proposal.doc")), NULL);
    dms_buffer_t out;

    dms_buffer_init(&out, unit_pool, unit_alloc, unit_sink, sink);
    dms_xml_document(&out, "prop", around("lockdiscovery", lock), NULL);
    dms_buffer_pass(&out, 0);
    unit_assert_same_xml(sink->bytes,
                         XML_DECLARATION
                         "     <D:prop xmlns:D=\"DAV:\">\n"
                         "       <D:lockdiscovery>\n"
                         "         <D:activelock>\n"
                         "           <D:locktype><D:write/></D:locktype>\n"
                         "           <D:lockscope><D:exclusive/></D:lockscope>\n"
                         "           <D:depth>infinity</D:depth>\n"
                         "           <D:owner>\n"
                         "             <D:href>http://example.org/~ejw/contact.html</D:href>\n"
                         "           </D:owner>\n"
                         "           <D:timeout>Second-604800</D:timeout>\n"
                         "           <D:locktoken>\n"
                         "             <D:href\n"
                         "             >urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4</D:href>\n"
                         "           </D:locktoken>\n"
                         "           <D:lockroot>\n"
                         "             <D:href\n"
                         "             >http://example.com/workspace/webdav/proposal.doc</D:href>\n"
                         "           </D:lockroot>\n"
                         "         </D:activelock>\n"
                         "       </D:lockdiscovery>\n"
                         "     </D:prop>\n",
                         UNIT_LOOSE_SPACE);
}
END_TEST

/* The property goes the whole way: parsed from a request, sent in a 207. */
START_TEST(section_4_3_1_mixed_content)
{
    static const char request[] =
        "<D:prop xml:lang=\"en\" xmlns:D=\"DAV:\">\n"
        "       <x:author xmlns:x='http://example.com/ns'>\n"
        "         <x:name>Jane Doe</x:name>\n"
        "         <!-- Jane's contact info -->\n"
        "         <x:uri type='email'\n"
        "                added='2005-11-26'>mailto:jane.doe@example.com</x:uri>\n"
        "         <x:uri type='web'\n"
        "                added='2005-11-27'>http://www.example.com</x:uri>\n"
        "         <x:notes xmlns:h='http://www.w3.org/1999/xhtml'>\n"
        "           Jane has been working way <h:em>too</h:em> long on the\n"
        "           long-awaited revision of <![CDATA[<RFC2518>]]>.\n"
        "         </x:notes>\n"
        "       </x:author>\n"
        "     </D:prop>\n";
    static const char answer[] =
        "<D:prop xmlns:D='DAV:'><author\n"
        "             xml:lang='en'\n"
        "             xmlns:x='http://example.com/ns'\n"
        "             xmlns='http://example.com/ns'\n"
        "             xmlns:h='http://www.w3.org/1999/xhtml'>\n"
        "         <x:name>Jane Doe</x:name>\n"
        "         <x:uri   added=\"2005-11-26\" type=\"email\"\n"
        "           >mailto:jane.doe@example.com</x:uri>\n"
        "         <x:uri   added=\"2005-11-27\" type=\"web\"\n"
        "           >http://www.example.com</x:uri>\n"
        "         <x:notes>\n"
        "           Jane has been working way <h:em>too</h:em> long on the\n"
        "           long-awaited revision of &lt;RFC2518&gt;.\n"
        "         </x:notes>\n"
        "       </author>\n"
        "     </D:prop>\n";
    dms_xml_body_t *body = dms_xml_body_create(unit_pool);
    dms_element_t *root, *property;

    ck_assert_int_eq(dms_xml_body_feed(body, request, sizeof(request) - 1), DMS_XML_FINE);
    ck_assert_int_eq(dms_xml_body_finish(body, &root), DMS_XML_FINE);
    ck_assert_int_eq(strcmp(unit_canonical(request, sizeof(request) - 1, UNIT_EXACT),
                            unit_canonical_elements(root)),
                     0);
    property = root->children;
    ck_assert_str_eq(property->name->local, "author");
    property->next = NULL;
    unit_attribute(property, DMS_NS_XML, "lang", root->attributes->value);
    unit_assert_same_xml(unit_write(NULL, property), answer, UNIT_LOOSE_SPACE);
}
END_TEST

Suite *examples_suite(void)
{
    Suite *suite = suite_create("examples of RFC 4918");
    TCase *tests = unit_case(suite, "examples", 20);

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, section_4_3_1_mixed_content);
    tcase_add_test(tests, section_7_5_2_error);
    tcase_add_test(tests, section_9_1_3_named_properties);
    tcase_add_test(tests, section_9_1_4_propname);
    tcase_add_test(tests, section_9_1_5_allprop);
    tcase_add_test(tests, section_9_2_2_proppatch);
    tcase_add_test(tests, section_9_6_2_delete);
    tcase_add_test(tests, section_9_8_8_copy);
    tcase_add_test(tests, section_9_9_6_move);
    tcase_add_test(tests, section_9_10_7_lock);
    tcase_add_test(tests, section_9_10_9_lock);
    tcase_add_test(tests, section_15_8_1_lockdiscovery);
    tcase_add_test(tests, section_15_10_1_supportedlock);
    return suite;
}
