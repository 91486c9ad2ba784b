#include "multistatus/position.h"

#if XML_MAJOR_VERSION * 10000 + XML_MINOR_VERSION * 100 + XML_MICRO_VERSION >= 20900

apr_int64_t dms_position_offset(XML_Parser expat, apr_int64_t fed)
{
    return XML_GetCurrentByteIndex64(expat);
}

apr_int64_t dms_position_length(XML_Parser expat)
{
    return (apr_int64_t)XML_GetCurrentByteCount64(expat);
}

apr_uint64_t dms_position_line(XML_Parser expat)
{
    return XML_GetCurrentLineNumber64(expat);
}

apr_uint64_t dms_position_column(XML_Parser expat)
{
    return XML_GetCurrentColumnNumber64(expat) + 1;
}

#else

/* Expat's offset may lack its upper half; how far it is behind what was fed does not. */
apr_int64_t dms_position_offset(XML_Parser expat, apr_int64_t fed)
{
    apr_uint32_t offset = (apr_uint32_t)XML_GetCurrentByteIndex(expat);

    return fed - (apr_int64_t)((apr_uint32_t)fed - offset);
}

apr_int64_t dms_position_length(XML_Parser expat)
{
    return XML_GetCurrentByteCount(expat);
}

apr_uint64_t dms_position_line(XML_Parser expat)
{
    return XML_GetCurrentLineNumber(expat);
}

apr_uint64_t dms_position_column(XML_Parser expat)
{
    return XML_GetCurrentColumnNumber(expat) + 1;
}

#endif
