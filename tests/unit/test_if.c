#include "request/if_header.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_strings.h>

#include "unit.h"

#define TOKEN1 "urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2"
#define TOKEN2 "urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092"
#define CASES 100000
#define LONGEST 8192

/* As ck_assert(), which writes to a file at each call: too dear where millions pass. */
#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            ck_abort_msg("%s", #condition);                                                        \
        }                                                                                          \
    } while (0)

/* --- text that grows --- */

typedef struct text_t {
    char bytes[4 * LONGEST];
    size_t length;
} text_t;

static void add_bytes(text_t *text, const char *bytes, size_t length)
{
    check(text->length + length < sizeof(text->bytes));
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

static void add(text_t *text, const char *s)
{
    add_bytes(text, s, strlen(s));
}

/* A structure in one line that no two structures share: \1 resource \2 !< token \3 [ etag \3. */
static void start_list(text_t *text, const char *resource)
{
    add(text, "\1");
    add(text, resource ? resource : "");
    add(text, "\2");
}

static void add_condition(text_t *text, int is_not, const char *token, const char *etag)
{
    add(text, is_not ? "!" : "");
    add(text, token ? "<" : "[");
    add(text, token ? token : etag);
    add(text, "\3");
}

static const char *describe(const dms_if_list_t *first)
{
    static text_t text;
    const dms_if_condition_t *c;

    text.length = 0;
    add(&text, "");
    for (; first; first = first->next) {
        start_list(&text, first->resource);
        check(first->conditions != NULL);
        for (c = first->conditions; c; c = c->next) {
            check(!c->token != !c->etag);
            check(c->is_not == 0 || c->is_not == 1);
            add_condition(&text, c->is_not, c->token, c->etag);
        }
    }
    return text.bytes;
}

/* What the parser makes of a header, described; NULL where it is malformed. The parser gets a copy
 * that ends where its memory does, and that is gone before the result is looked at. */
static const char *parsed(const char *value)
{
    const char *complaint = "not set";
    char *copy = strdup(value);
    const dms_if_list_t *first = dms_if_parse(unit_pool, copy, &complaint);

    memset(copy, '#', strlen(copy));
    free(copy);
    check(!first != !complaint);
    return first ? describe(first) : NULL;
}

static const dms_if_list_t *parse(const char *value)
{
    const char *complaint;
    const dms_if_list_t *first = dms_if_parse(unit_pool, value, &complaint);

    ck_assert_msg(first != NULL, "%s: %s", value, complaint);
    return first;
}

/* --- what is well-formed --- */

static const struct {
    const char *value;
    const char *structure;
} good[] = {
    /* RFC 4918, sections 10.4.6 to 10.4.11, unfolded as httpd does it */
    {"(<" TOKEN1 "> [\"I am an ETag\"]) ([\"I am another ETag\"])",
     "\1\2<" TOKEN1 "\3[\"I am an ETag\"\3\1\2[\"I am another ETag\"\3"},
    {"(Not <" TOKEN1 "> <" TOKEN2 ">)", "\1\2!<" TOKEN1 "\3<" TOKEN2 "\3"},
    {"(<" TOKEN1 ">) (Not <DAV:no-lock>)", "\1\2<" TOKEN1 "\3\1\2!<DAV:no-lock\3"},
    {"</resource1> (<" TOKEN1 "> [W/\"A weak ETag\"]) ([\"strong ETag\"])",
     "\1/resource1\2<" TOKEN1 "\3[W/\"A weak ETag\"\3\1/resource1\2[\"strong ETag\"\3"},
    {"<http://www.example.com/specs/> (<" TOKEN1 ">)",
     "\1http://www.example.com/specs/\2<" TOKEN1 "\3"},
    {"</specs/rfc2518.doc> ([\"4217\"])", "\1/specs/rfc2518.doc\2[\"4217\"\3"},
    {"</specs/rfc2518.doc> (Not [\"4217\"])", "\1/specs/rfc2518.doc\2![\"4217\"\3"},
    /* section 9.10.8 and 7.5 */
    {"(<urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4>)",
     "\1\2<urn:uuid:e71d4fae-5dec-22d6-fea5-00a0c91e6be4\3"},
    {"<http://www.example.com/users/f/fielding/index.html> "
     "(<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>)",
     "\1http://www.example.com/users/f/fielding/index.html\2"
     "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6\3"},
    /* several resources, and one twice */
    {"</a> (<a:1>) (<a:2>) <http://h/b> (<a:3>) </a> (<a:4>)",
     "\1/a\2<a:1\3\1/a\2<a:2\3\1http://h/b\2<a:3\3\1/a\2<a:4\3"},
    /* white space, none and all of it */
    {"(<a:1>)", "\1\2<a:1\3"},
    {"(<a:1><a:2>[\"x\"])(Not<a:3>Not[\"y\"])</", NULL},
    {"(<a:1><a:2>[\"x\"])(Not<a:3>Not[\"y\"])", "\1\2<a:1\3<a:2\3[\"x\"\3\1\2!<a:3\3![\"y\"\3"},
    {"</a>(<a:1>)(<a:2>)</b>(<a:3>)", "\1/a\2<a:1\3\1/a\2<a:2\3\1/b\2<a:3\3"},
    {" \t ( \t<a:1> \t[\"x\"]\tNot\t<a:2> ) \t( <a:3> ) ", "\1\2<a:1\3[\"x\"\3!<a:2\3\1\2<a:3\3"},
    {"\t</a>\t(\t<a:1>\t)\t", "\1/a\2<a:1\3"},
    /* Not, in any case */
    {"(not <a:1> NOT <a:2> nOt [\"x\"])", "\1\2!<a:1\3!<a:2\3![\"x\"\3"},
    /* what may be in a token, a tag */
    {"(<a:>)", "\1\2<a:\3"},
    {"(<A+b-c.9:x>)", "\1\2<A+b-c.9:x\3"},
    {"(<opaquelocktoken:(a)[b]?c=d&e;f%20>)", "\1\2<opaquelocktoken:(a)[b]?c=d&e;f%20\3"},
    {"(<a:\xC3\xA9>)", "\1\2<a:\xC3\xA9\3"},
    {"</> (<a:1>)", "\1/\2<a:1\3"},
    {"</a?b=c> (<a:1>)", "\1/a?b=c\2<a:1\3"},
    {"</a(b)/[c]//d> (<a:1>)", "\1/a(b)/[c]//d\2<a:1\3"},
    {"<urn:x> (<a:1>)", "\1urn:x\2<a:1\3"},
    {"<http://[::1]:80/a> (<a:1>)", "\1http://[::1]:80/a\2<a:1\3"},
    /* entity tags */
    {"([\"\"])", "\1\2[\"\"\3"},
    {"([W/\"\"])", "\1\2[W/\"\"\3"},
    {"([\"a]b\"])", "\1\2[\"a]b\"\3"},
    {"([\"<a:1>) (Not\"])", "\1\2[\"<a:1>) (Not\"\3"},
    {"([\"a\\\"]b\"])", "\1\2[\"a\\\"]b\"\3"},
    {"([\"a\\\\\"])", "\1\2[\"a\\\\\"\3"},
    {"([\"a\tb \xC3\xA9'/W/\"])", "\1\2[\"a\tb \xC3\xA9'/W/\"\3"},
};

START_TEST(well_formed)
{
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_pstr_eq(parsed(good[i].value), good[i].structure);
    }
}
END_TEST

/* --- what is malformed --- */

static const char *const bad[] = {
    "",
    " \t ",
    "*",
    "a",
    "()",
    "( )",
    "(",
    ")",
    "(<a:1>",
    "(<a:1> ",
    "(<a:1>))",
    "((<a:1>))",
    "(<a:1>) x",
    "(<a:1>) ()",
    "(<a:1>), (<a:2>)", /* two headers, joined */
    "(<a:1>, <a:2>)",
    "(<a:1>);",
    "<a:1>",
    "[\"x\"]",
    "\"x\"",
    "Not (<a:1>)",
    "Not <a:1>",
    /* tags */
    "</a>",
    "</a> ",
    "</a> </b> (<a:1>)",
    "</a> (<a:1>) </b>",
    "</a> () (<a:1>)",
    "</a (<a:1>)",
    "</a",
    "<> (<a:1>)",
    "<",
    "<a> (<a:1>)",
    "<a/b> (<a:1>)",
    "<../a> (<a:1>)",
    "<?a> (<a:1>)",
    "<//host/a> (<a:1>)",
    "<:a> (<a:1>)",
    "<1a:b> (<a:1>)",
    "</a b> (<a:1>)",
    "</a\tb> (<a:1>)",
    "< /a> (<a:1>)",
    "</a > (<a:1>)",
    "</a<b> (<a:1>)",
    "</a#b> (<a:1>)",
    "<http://h/a#b> (<a:1>)",
    "</a\"b> (<a:1>)",
    "</a\x01> (<a:1>)",
    "</a\x7f> (<a:1>)",
    "</a>> (<a:1>)",
    "<\xC3\xA9:a> (<a:1>)",
    /* tagged and untagged */
    "(<a:1>) </a> (<a:2>)",
    "(<a:1>)</a>(<a:2>)",
    /* state tokens */
    "(<>)",
    "(< >)",
    "(<a>)",
    "(<:>)",
    "(<:a>)",
    "(<1:a>)",
    "(<+:a>)",
    "(<a b:c>)",
    "(<a_b:c>)",
    "(<a/b:c>)",
    "(</a>)",
    "(<//a>)",
    "(< a:1>)",
    "(<a:1 >)",
    "(<a: 1>)",
    "(<a:1\t>)",
    "(<a:1\x1f>)",
    "(<a:1\x7f>)",
    "(<a:<1>)",
    "(<<a:1>>)",
    "(<a:1>>)",
    "(<a:1#2>)",
    "(<a:1\">)",
    "(<a:1)",
    "(<a:1",
    "(<a:",
    "(<a",
    "(<",
    "(a:1)",
    "(a:1>)",
    /* entity tags */
    "([])",
    "([ ])",
    "([x])",
    "([\"x])",
    "([x\"])",
    "([\"])",
    "([\"x\")",
    "([\"x\" ])",
    "([ \"x\"])",
    "([\"x\"]",
    "([\"x\"",
    "([\"x",
    "([\"",
    "([\"\\",
    "([",
    "([W\"x\"])",
    "([w/\"x\"])",
    "([W/ \"x\"])",
    "([W /\"x\"])",
    "([W/])",
    "([W/",
    "([W",
    "([W/W/\"x\"])",
    "([\"x\"y])",
    "([\"x\"\"y\"])",
    "([\"a\\\"])",
    "([\"a\x01\"])",
    "([\"a\x7f\"])",
    "([\"a\nb\"])",
    "([\"a\\\nb\"])",
    "([[\"x\"]])",
    "([\"x\"]])",
    "(\"x\")",
    "(W/\"x\")",
    "([*])",
    "(*)",
    "([\"x\", \"y\"])",
    /* Not */
    "(Not)",
    "(Not )",
    "(Not",
    "(No <a:1>)",
    "(Not Not <a:1>)",
    "(NotNot<a:1>)",
    "(Nota <a:1>)",
    "(Not a:1)",
    "(N ot <a:1>)",
    "(! <a:1>)",
    "(<a:1> Not)",
    "(Not (<a:1>))",
    "(Not x)",
    /* what is no white space in a header any more */
    "(<a:1>)\n(<a:2>)",
    "(<a:1>)\r\n (<a:2>)",
    "(<a:1>\x0b)",
    "(<a:1>\x0c<a:2>)",
    "(<a:1>\xC2\xA0<a:2>)",
};

START_TEST(malformed)
{
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(parsed(bad[i]) == NULL, "%s is accepted", bad[i]);
    }
}
END_TEST

/* Each beginning of a header that ends in its only list is malformed. */
START_TEST(cut_short)
{
    static const char header[] = "</a%20b> ( <a:1> Not <b:2> [W/\"c\\\"]d\"] )";
    size_t length;

    ck_assert_ptr_nonnull(parsed(header));
    for (length = 0; length < sizeof(header) - 1; length++) {
        ck_assert_ptr_null(parsed(apr_pstrmemdup(unit_pool, header, length)));
    }
}
END_TEST

START_TEST(absent)
{
    const char *complaint = "not set";

    ck_assert_ptr_null(dms_if_parse(unit_pool, NULL, &complaint));
    ck_assert_ptr_null(complaint);
    ck_assert(!dms_if_submits(NULL, "a:1"));
    ck_assert(dms_if_holds(NULL, NULL, NULL));
}
END_TEST

/* --- bounds --- */

static const char *many(const char *before, const char *each, int times, const char *after)
{
    static text_t text;
    int i;

    text.length = 0;
    add(&text, before);
    for (i = 0; i < times; i++) {
        add(&text, each);
    }
    add(&text, after);
    return text.bytes;
}

START_TEST(bounds)
{
    ck_assert_ptr_nonnull(parsed(many("(", "<a:>", DMS_IF_CONDITIONS, ")")));
    ck_assert_ptr_null(parsed(many("(", "<a:>", DMS_IF_CONDITIONS + 1, ")")));
    ck_assert_ptr_nonnull(parsed(many("", "(<a:>)", DMS_IF_CONDITIONS, "")));
    ck_assert_ptr_null(parsed(many("", "(<a:>)", DMS_IF_CONDITIONS + 1, "")));
    ck_assert_ptr_nonnull(parsed(many("", "</>([\"\"])", DMS_IF_CONDITIONS, "")));
    ck_assert_ptr_null(parsed(many("", "</>([\"\"])", DMS_IF_CONDITIONS + 1, "")));
}
END_TEST

/* Each of these takes linear time: a thousand times each is a few milliseconds to tens of them. */
START_TEST(hostile)
{
    static const struct {
        const char *before, *each, *after;
        int times;
    } headers[] = {
        {"", "(", "", 8192},           {"(", "<a:", "", 2700},
        {"(", "Not ", "<a:1>)", 2000}, {"([\"", "\\\"", "", 4000},
        {"([\"", "]", "\"])", 8000},   {"", " ", "(<a:1>)", 8000},
        {"(<a:1>", "\t", "", 8000},    {"(<", "a", "", 8000},
        {"(<a:", "a", ">)", 8000},     {"</", "a/", "> (<a:1>)", 4000},
        {"", "</a>", "", 2000},        {"", "(<a:>)", "", 1365},
        {"(", "[\"\"]", "", 2000},
    };
    clock_t begin = clock();
    size_t i;
    int round;

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        const char *value = many(headers[i].before, headers[i].each, headers[i].times,
                                 headers[i].after);
        const char *complaint;

        for (round = 0; round < 100; round++) {
            apr_pool_t *pool;

            ck_assert_int_eq(apr_pool_create(&pool, unit_pool), APR_SUCCESS);
            dms_if_parse(pool, value, &complaint);
            apr_pool_destroy(pool);
        }
    }
    ck_assert_int_lt((clock() - begin) / CLOCKS_PER_SEC, 2);
}
END_TEST

/* --- what it means --- */

START_TEST(submitted)
{
    const dms_if_list_t *first = parse(
        "</a> (Not <a:1> [\"a:9\"]) (<a:2>) </b> ([\"x\"] <a:3>) (Not <DAV:no-lock>)");

    ck_assert(dms_if_submits(first, "a:1"));
    ck_assert(dms_if_submits(first, "a:2"));
    ck_assert(dms_if_submits(first, "a:3"));
    ck_assert(dms_if_submits(first, "DAV:no-lock"));
    ck_assert(!dms_if_submits(first, "a:4"));
    ck_assert(!dms_if_submits(first, "A:1"));
    ck_assert(!dms_if_submits(first, "a:"));
    ck_assert(!dms_if_submits(first, "a:11"));
    ck_assert(!dms_if_submits(first, "\"a:9\""));
    ck_assert(!dms_if_submits(first, "a:9"));
    ck_assert(!dms_if_submits(first, "/a"));
    ck_assert(!dms_if_submits(first, ""));
}
END_TEST

/* A world in words: "resource state " for each state, resource "-" for the request's own. */
typedef struct world_t {
    const char *states;
    int asked;
} world_t;

static int has_state(void *baton, const char *resource, const dms_if_condition_t *condition)
{
    world_t *world = baton;
    const char *state = apr_psprintf(unit_pool, " %s=%s;", resource ? resource : "-",
                                     condition->token ? condition->token : condition->etag);

    world->asked++;
    return strstr(world->states, state) ? 42 : 0; /* any value that is true */
}

static int holds(const char *value, const char *states)
{
    world_t world = {states, 0};

    return dms_if_holds(parse(value), has_state, &world);
}

START_TEST(examples_hold)
{
    const char *value = "(<" TOKEN1 "> [\"I am an ETag\"]) ([\"I am another ETag\"])";

    ck_assert(holds(value, " -=" TOKEN1 "; -=\"I am an ETag\";"));
    ck_assert(holds(value, " -=\"I am another ETag\";"));
    ck_assert(!holds(value, " -=\"I am an ETag\";"));
    ck_assert(!holds(value, " -=" TOKEN1 ";"));
    ck_assert(!holds(value, ""));

    value = "(Not <" TOKEN1 "> <" TOKEN2 ">)";
    ck_assert(holds(value, " -=" TOKEN2 ";"));
    ck_assert(!holds(value, " -=" TOKEN1 "; -=" TOKEN2 ";"));
    ck_assert(!holds(value, ""));

    ck_assert(holds("(<" TOKEN1 ">) (Not <DAV:no-lock>)", ""));

    value = "</resource1> (<" TOKEN1 "> [W/\"A weak ETag\"]) ([\"strong ETag\"])";
    ck_assert(holds(value, " /resource1=" TOKEN1 "; /resource1=W/\"A weak ETag\";"));
    ck_assert(holds(value, " /resource1=\"strong ETag\";"));
    ck_assert(!holds(value, " -=\"strong ETag\"; /resource2=\"strong ETag\";"));
    ck_assert(!holds(value, " /resource1=" TOKEN1 ";"));

    ck_assert(!holds("<http://www.example.com/specs/> (<" TOKEN1 ">)", ""));
    ck_assert(!holds("</specs/rfc2518.doc> ([\"4217\"])", ""));
    ck_assert(holds("</specs/rfc2518.doc> (Not [\"4217\"])", ""));
}
END_TEST

/* Lists of different resources: one that is true is enough (10.4.3). */
START_TEST(one_resource_is_enough)
{
    const char *value = "</a> (<a:1>) </b> (<b:1>)";

    ck_assert(holds(value, " /a=a:1;"));
    ck_assert(holds(value, " /b=b:1;"));
    ck_assert(!holds(value, " /a=b:1; /b=a:1;"));
}
END_TEST

START_TEST(asks_no_more_than_needed)
{
    world_t world = {" -=a:1;", 0};

    ck_assert(dms_if_holds(parse("(<a:1>) (<a:2>)"), has_state, &world));
    ck_assert_int_eq(world.asked, 1);
    world.asked = 0;
    ck_assert(dms_if_holds(parse("(<a:2> <a:3>) (<a:1>)"), has_state, &world));
    ck_assert_int_eq(world.asked, 2);
}
END_TEST

/* --- headers at random --- */

static const char *pick(const char *const *words, unsigned int count)
{
    return words[unit_random(count)];
}
#define PICK(words) pick((words), sizeof(words) / sizeof((words)[0]))

static const char *random_token(void)
{
    static const char *const heads[] = {"urn:uuid:", "opaquelocktoken:", "DAV:", "a+-.9:", "Z:"};
    static const char *const tails[] = {
        "", "no-lock", "181d4fae", "(x)", "[y]", "Not", "%20;&=?/", "\xC3\xA9", "'~*,",
    };

    return apr_pstrcat(unit_pool, PICK(heads), PICK(tails), PICK(tails), NULL);
}

static const char *random_etag(void)
{
    static const char *const parts[] = {
        "", "x", " ", "\t", "]", "[", "(", ")", "<a:1>", "\\\"", "\\\\", "\\x", "W/", "\xE9", "Not",
    };

    return apr_pstrcat(unit_pool, unit_random(3) ? "\"" : "W/\"", PICK(parts), PICK(parts),
                       PICK(parts), "\"", NULL);
}

static const char *random_resource(void)
{
    static const char *const heads[] = {"/", "/a", "http://h/", "https://[::1]:8443/a", "urn:"};
    static const char *const tails[] = {"", "b", "b/", "%20", "?q", "(", "]", "\xC3\xA9", "c:d"};

    return apr_pstrcat(unit_pool, PICK(heads), PICK(tails), NULL);
}

static void random_space(text_t *header)
{
    static const char *const spaces[] = {"", "", "", " ", "\t", "  ", " \t "};

    add(header, PICK(spaces));
}

static void random_condition(text_t *header, text_t *structure)
{
    static const char *const nots[] = {"Not", "Not", "not", "NOT", "nOT"};
    const char *token = unit_random(2) ? random_token() : NULL;
    const char *etag = token ? NULL : random_etag();
    int is_not = unit_random(3) == 0;

    add(header, is_not ? PICK(nots) : "");
    random_space(header);
    add(header, token ? "<" : "[");
    add(header, token ? token : etag);
    add(header, token ? ">" : "]");
    random_space(header);
    add_condition(structure, is_not, token, etag);
}

static void random_list(text_t *header, text_t *structure, const char *resource)
{
    unsigned int conditions = 1 + unit_random(unit_random(4) ? 3 : 12);

    start_list(structure, resource);
    add(header, "(");
    random_space(header);
    while (conditions--) {
        random_condition(header, structure);
    }
    add(header, ")");
    random_space(header);
}

/* A header that is well-formed, and what it means. */
static void random_header(text_t *header, text_t *structure)
{
    unsigned int lists = 1 + unit_random(5);
    int is_tagged = (int)unit_random(2);
    const char *resource = NULL;

    header->length = structure->length = 0;
    random_space(header);
    while (lists--) {
        if (is_tagged && (!resource || unit_random(2))) {
            resource = random_resource();
            add(header, "<");
            add(header, resource);
            add(header, ">");
            random_space(header);
        }
        random_list(header, structure, resource);
    }
}

START_TEST(structures_come_back)
{
    static text_t header, structure;
    const char *got;
    int i;

    unit_random_seed(1044);
    for (i = 0; i < CASES; i++) {
        random_header(&header, &structure);
        got = parsed(header.bytes);
        if (!got || strcmp(got, structure.bytes)) {
            ck_abort_msg("case %d: %s\nparser: %s\nmeant: %s", i, header.bytes, got ? got : "no",
                         structure.bytes);
        }
        apr_pool_clear(unit_pool);
    }
}
END_TEST

/* --- an independent reader ---
 *
 * First the whole header becomes words, knowing nothing of what may follow what; then the rules of
 * the grammar, one function each, take the words. */

enum { OPEN = '(', CLOSE = ')', ANGLE = '<', SQUARE = '[', NOT = '!', END = 0 };

typedef struct word_t {
    int kind;
    const char *inside;
} word_t;

static word_t words[4 * LONGEST];
static const word_t *word;
static int conditions_left;
static const char *tag;
static text_t meaning;

/* The place of the quote that ends a string, counted by states; -1: none. */
static int string_end(const char *s, int i)
{
    enum { PLAIN, ESCAPED } state = PLAIN;

    for (; s[i]; i++) {
        unsigned char c = (unsigned char)s[i];

        if ((c < 32 && c != 9) || c == 127) {
            return -1;
        }
        if (state == ESCAPED) {
            state = PLAIN;
        }
        else if (c == '\\') {
            state = ESCAPED;
        }
        else if (c == '"') {
            return i;
        }
    }
    return -1;
}

/* Reads one word, returns where the next begins; -1: nothing that could be one. */
static int read_word(const char *s, int i, word_t *into)
{
    int begin = i + 1, end;

    into->kind = s[i];
    if (s[i] == '(' || s[i] == ')') {
        return i + 1;
    }
    if ((s[i] & ~32) == 'N' && (s[i + 1] & ~32) == 'O' && (s[i + 2] & ~32) == 'T') {
        into->kind = NOT;
        return i + 3;
    }
    if (s[i] == '<') {
        for (end = begin; s[end] != '>'; end++) {
            unsigned char c = (unsigned char)s[end];

            if (c <= ' ' || c == 127 || c == '<' || c == '"' || c == '#') {
                return -1;
            }
        }
    }
    else if (s[i] == '[') {
        end = s[begin] == 'W' && s[begin + 1] == '/' ? begin + 2 : begin;
        end = s[end] == '"' ? string_end(s, end + 1) + 1 : 0;
        if (end <= 0 || s[end] != ']') {
            return -1;
        }
    }
    else {
        return -1;
    }
    into->inside = apr_pstrmemdup(unit_pool, s + begin, (apr_size_t)(end - begin));
    return end + 1;
}

static int read_words(const char *s)
{
    int i = 0, count = 0;

    while (s[i]) {
        if (s[i] == ' ' || s[i] == '\t') {
            i++;
        }
        else if ((i = read_word(s, i, &words[count++])) < 0) {
            return 0;
        }
    }
    words[count].kind = END;
    word = words;
    return 1;
}

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":" */
static int has_scheme(const char *uri)
{
    const char *colon = strchr(uri, ':'), *c;

    for (c = uri; colon && c < colon; c++) {
        int is_alpha = (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
        int is_other = (*c >= '0' && *c <= '9') || *c == '+' || *c == '-' || *c == '.';

        if (!is_alpha && (c == uri || !is_other)) {
            return 0;
        }
    }
    return colon && colon > uri;
}

static int rule_condition(void)
{
    int is_not = word->kind == NOT;

    word += is_not;
    if (word->kind != SQUARE && (word->kind != ANGLE || !has_scheme(word->inside))) {
        return 0;
    }
    add_condition(&meaning, is_not, word->kind == ANGLE ? word->inside : NULL, word->inside);
    word++;
    return conditions_left-- > 0;
}

static int rule_list(void)
{
    if (word++->kind != OPEN || word->kind == CLOSE) {
        return 0;
    }
    start_list(&meaning, tag);
    while (word->kind != CLOSE) {
        if (!rule_condition()) {
            return 0;
        }
    }
    word++;
    return 1;
}

/* 1*List */
static int rule_lists(void)
{
    do {
        if (!rule_list()) {
            return 0;
        }
    } while (word->kind == OPEN);
    return 1;
}

static int rule_tagged_lists(void)
{
    while (word->kind == ANGLE) {
        tag = word++->inside;
        if (!(tag[0] == '/' ? tag[1] != '/' : has_scheme(tag)) || !rule_lists()) {
            return 0;
        }
    }
    return 1;
}

/* What the header means; NULL where it is malformed. */
static const char *read_independently(const char *header)
{
    meaning.length = 0;
    tag = NULL;
    conditions_left = DMS_IF_CONDITIONS;
    if (!read_words(header)) {
        return NULL;
    }
    if (!(word->kind == ANGLE ? rule_tagged_lists() : rule_lists()) || word->kind != END) {
        return NULL;
    }
    return meaning.bytes;
}

START_TEST(second_reader_is_right)
{
    size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_pstr_eq(read_independently(good[i].value), good[i].structure);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!read_independently(bad[i]), "%s is accepted", bad[i]);
    }
}
END_TEST

/* Replaces some bytes by others: cuts, inserts, doubles, swaps. */
static void mutate(text_t *header)
{
    static const char *const pieces[] = {
        "",   "",    "(",    ")",    "<",   ">",  "[",  "]",  "\"",   "\\",   "Not", "not ",
        " ",  "\t",  "W/",   "/",    ":",   "#",  ",",  "\n", "\x7f", "\xE9", "a:",  "//",
        "()", "<a>", "</a>", "<a:>", "\"]", "[W", "-1", ">(", ")<",   ") (",  "\r",  "w/",
    };
    size_t at = unit_random((unsigned int)header->length + 1);
    size_t cut = unit_random(3) ? unit_random(3) : unit_random(20);
    char *rest;

    cut = cut > header->length - at ? header->length - at : cut;
    rest = apr_pstrdup(unit_pool, header->bytes + at + (unit_random(8) ? cut : 0));
    header->length = at;
    add(header, PICK(pieces));
    add(header, rest);
    if (unit_random(20) == 0) { /* anywhere, one byte becomes any */
        header->bytes[unit_random((unsigned int)header->length + 1)] = (char)unit_random(256);
        header->bytes[header->length] = '\0';
        header->length = strlen(header->bytes);
    }
}

START_TEST(two_readers_agree)
{
    static text_t header, structure;
    int i, accepted = 0;

    unit_random_seed(1042);
    for (i = 0; i < CASES; i++) {
        unsigned int mutations = unit_random(3);
        const char *expected, *got;

        random_header(&header, &structure);
        while (mutations--) {
            mutate(&header);
        }
        expected = read_independently(header.bytes);
        got = parsed(header.bytes);
        if (!got != !expected || (got && strcmp(got, expected))) {
            ck_abort_msg("case %d: %s\nparser: %s\nreader: %s", i, header.bytes, got ? got : "no",
                         expected ? expected : "no");
        }
        accepted += got != NULL;
        apr_pool_clear(unit_pool);
    }
    /* Or the cases were no good. */
    ck_assert_int_gt(accepted, CASES / 10);
    ck_assert_int_lt(accepted, CASES / 10 * 9);
}
END_TEST

Suite *if_suite(void)
{
    Suite *suite = suite_create("if");
    TCase *tests = unit_case(suite, "grammar", 30);

    tcase_add_test(tests, well_formed);
    tcase_add_test(tests, malformed);
    tcase_add_test(tests, cut_short);
    tcase_add_test(tests, absent);
    tcase_add_test(tests, bounds);
    tcase_add_test(tests, hostile);
    tests = unit_case(suite, "meaning", 30);
    tcase_add_test(tests, submitted);
    tcase_add_test(tests, examples_hold);
    tcase_add_test(tests, one_resource_is_enough);
    tcase_add_test(tests, asks_no_more_than_needed);
    tests = unit_case(suite, "random", 120);
    tcase_add_test(tests, structures_come_back);
    tcase_add_test(tests, second_reader_is_right);
    tcase_add_test(tests, two_readers_agree);
    return suite;
}
