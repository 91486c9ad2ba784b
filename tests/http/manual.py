"""docs/mod_dav_multistatus.xml, the one reference of the directives."""

from lxml import etree

import harness

DOCS = harness.REPO / "docs"
PAGE = etree.parse(str(DOCS / "mod_dav_multistatus.xml"), etree.XMLParser(remove_comments=True)).getroot()
DIRECTIVES = {one.findtext("name"): one for one in PAGE.iterfind("directivesynopsis")}
EXAMPLES = [one.text.lstrip("\n") for one in PAGE.iterfind(".//highlight[@language='config']")]
SHELL = [one.text.lstrip("\n") for one in PAGE.iterfind(".//highlight[@language='sh']")]
