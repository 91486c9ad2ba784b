#include "reverse/skim.h"

#include <apr_strings.h>

#include "unit.h"

/* What is left of a piece: each hole as "_", what has to come again behind "|". */
static const char *skim(dms_skim_t *state, const char *piece)
{
    apr_size_t from = 0, done = dms_skim(state, piece, strlen(piece));
    const char *left = "";
    int i;

    for (i = 0; i < state->holes->nelts; i++) {
        dms_hole_t hole = APR_ARRAY_IDX(state->holes, i, dms_hole_t);

        ck_assert(from <= hole.start && hole.start < hole.end && hole.end <= done);
        left = apr_pstrcat(unit_pool, left,
                           apr_pstrmemdup(unit_pool, piece + from, hole.start - from), "_", NULL);
        from = hole.end;
    }
    return apr_pstrcat(unit_pool, left, apr_pstrmemdup(unit_pool, piece + from, done - from),
                       piece[done] ? "|" : "", piece + done, NULL);
}

#define UNREAD 0  /* no tally */
#define LISTING 1 /* responses matter */
#define CHANGE 2  /* statuses in propstats, too */

static const struct {
    int kind;
    const char *piece;
    const char *left;
} pieces[] = {
    {UNREAD, "<a><b/></a>", "<a>_</a>"},
    {UNREAD, "<a><b>x</b>\n<c d='>' e=\"/>'\"><f></f></c>\n</a>\n", "<a>__</a>\n"},
    {UNREAD, "<a>x<b/>y</a>", "<a>x_</a>"},
    {UNREAD, "<a><b><D:href>x</D:href><c/></b><d/></a>", "<a><b><D:href>x</D:href>_</b>_</a>"},
    {UNREAD, "<a><href><b/>x</href><b/></a>", "<a><href><b/>x</href>_</a>"},
    {UNREAD, "<a><href/><b/><x:href /><b/></a>", "<a><href/>_<x:href />_</a>"},
    {UNREAD, "<a><hrefs/><ahref/><href-a/></a>", "<a>___</a>"},
    {UNREAD, "<a><b><!-- <href> --><?p <href> ?><![CDATA[<href>]]></b></a>", "<a>_</a>"},
    {UNREAD, "<a><!--><b/>--><b/><!----><b/></a>", "<a><!--><b/>-->_<!---->_</a>"},
    {UNREAD, "<a><?><b/>?><b/></a>", "<a><?><b/>?>_</a>"},
    {UNREAD, "<a><b><c></b></c></a>", "<a><b><c></b></c></a>"},
    {UNREAD, "<a><b></a><c/>", "<a><b></a>_"},
    {UNREAD, "<a><b><b></b></b ><b></b></a>", "<a><b>_</b >_</a>"},
    {UNREAD, "<a><b><c/>", "<a><b>_"},
    {UNREAD, "<a><b></bb></b></a>", "<a><b></bb></b></a>"},
    {UNREAD, "<a/>", "<a/>"},
    {UNREAD, "<?xml?><a><b/><!DOCTYPE a><b/></a>", "<?xml?><a>_<!DOCTYPE a><b/></a>"},
    /* cut */
    {UNREAD, "<a><b/><", "<a>_|<"},
    {UNREAD, "<a><b/>text<c d='>", "<a>_|<c d='>"},
    {UNREAD, "<a><b/></", "<a>_|</"},
    {UNREAD, "<a><b></b", "<a><b>|</b"},
    {UNREAD, "<a><b/><!-", "<a>_|<!-"},
    {UNREAD, "<a><b/><!-- > --", "<a>_|<!-- > --"},
    {UNREAD, "<a><b/><![CDATA[]]", "<a>_|<![CDATA[]]"},
    {UNREAD, "<a><b/><?x ?", "<a>_|<?x ?"},
    {UNREAD, "", ""},
    {UNREAD, "text", "text"},
    /* what is counted */
    {UNREAD, "<a><response><status/></response></a>", "<a>_</a>"},
    {LISTING, "<a><D:response><status/><propstat><status/></propstat></D:response></a>",
     "<a><D:response><status/>_</D:response></a>"},
    {CHANGE, "<a><response><propstat><prop/><status/></propstat></response></a>",
     "<a><response><propstat>_<status/></propstat></response></a>"},
};

START_TEST(holes)
{
    dms_tally_t tally = {.counts_propstats = pieces[_i].kind == CHANGE};
    dms_skim_t state;

    dms_skim_init(&state, unit_pool, pieces[_i].kind == UNREAD ? NULL : &tally);
    ck_assert_str_eq(skim(&state, pieces[_i].piece), pieces[_i].left);
}
END_TEST

START_TEST(between_pieces)
{
    dms_skim_t state;
    char *tag;

    dms_skim_init(&state, unit_pool, NULL);
    ck_assert_str_eq(skim(&state, "<a><b><c/>"), "<a><b>_");
    ck_assert_str_eq(skim(&state, "</b><d/><href>x"), "</b>_<href>x");
    ck_assert_str_eq(skim(&state, "<e/></href><e/>"), "<e/></href>_");
    /* one tag that does not end is not waited for without end */
    tag = apr_pcalloc(unit_pool, 70001);
    memset(tag, 'x', 70000);
    tag[0] = '<';
    tag[65536] = '\0';
    ck_assert_uint_eq(dms_skim(&state, tag, 65536), 0);
    ck_assert_uint_eq(dms_skim(&state, tag, 65537), 65537);
    ck_assert_str_eq(skim(&state, "></x><e/>"), "></x><e/>");
}
END_TEST

START_TEST(depth)
{
    const char *piece = "<e/>";
    dms_skim_t state;
    int i;

    for (i = 0; i < DMS_SKIM_DEPTH; i++) {
        piece = apr_pstrcat(unit_pool, "<d>", piece, "</d>", NULL);
    }
    dms_skim_init(&state, unit_pool, NULL);
    ck_assert_str_eq(skim(&state, apr_pstrcat(unit_pool, "<a>", piece, "</a>", NULL)), "<a>_</a>");
    /* what is deeper is read */
    for (i = 0; i < 2 * DMS_SKIM_DEPTH; i++) {
        piece = apr_pstrcat(unit_pool, "<d>", piece, "</d>", NULL);
    }
    ck_assert_ptr_nonnull(strstr(skim(&state, piece), "<d><d>"));
}
END_TEST

Suite *skim_suite(void)
{
    Suite *suite = suite_create("skim");
    TCase *tests = unit_case(suite, "skim", 10);

    tcase_add_loop_test(tests, holes, 0, (int)(sizeof(pieces) / sizeof(pieces[0])));
    tcase_add_test(tests, between_pieces);
    tcase_add_test(tests, depth);
    return suite;
}
