/*
 * Where Expat stands in what it has been fed: in 64 bits, whatever its version and the machine.
 *
 * Since 2.9 Expat has functions for that, and deprecates those that tell a long or an int. With an
 * older one offsets are completed by how much has been fed, of which Expat never keeps 4 GiB; lines
 * and columns, which only people read, are then as large as its own.
 */
#ifndef DMS_POSITION_H
#define DMS_POSITION_H

#include <apr.h>
#include <expat.h>

/* The offset, from 0, of the event that is being reported, or of what Expat would report next.
 * Before its first event it may be -1. fed: all bytes that Expat has got, with those at hand. */
apr_int64_t dms_position_offset(XML_Parser expat, apr_int64_t fed);

/* The length in bytes of the event that is being reported. */
apr_int64_t dms_position_length(XML_Parser expat);

/* Line and column (in characters) of the same offset, both from 1. */
apr_uint64_t dms_position_line(XML_Parser expat);
apr_uint64_t dms_position_column(XML_Parser expat);

#endif
