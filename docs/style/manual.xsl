<?xml version="1.0" encoding="UTF-8"?>
<!-- mod_dav_multistatus.xml as one page of HTML, which needs no other file. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="html" encoding="UTF-8" doctype-system="about:legacy-compat"/>
<xsl:strip-space elements="modulesynopsis directivesynopsis contextlist table tr ul ol dl"/>

<xsl:param name="version"/>
<xsl:variable name="httpd" select="'https://httpd.apache.org/docs/2.4/mod/'"/>
<xsl:variable name="upper" select="'ABCDEFGHIJKLMNOPQRSTUVWXYZ'"/>
<xsl:variable name="lower" select="'abcdefghijklmnopqrstuvwxyz'"/>

<xsl:template match="modulesynopsis">
  <html lang="en">
    <head>
      <meta name="viewport" content="width=device-width"/>
      <title><xsl:value-of select="name"/></title>
      <style>
        body { max-width: 54em; margin: auto; padding: 1em; font: 1em/1.5 sans-serif; overflow-wrap: anywhere }
        h2 { margin-top: 2em; border-bottom: thin solid }
        pre { padding: .5em 1em; background: #eee; color: #000; overflow-x: auto; overflow-wrap: normal }
        table { border-collapse: collapse }
        th, td { padding: .2em .6em; border: thin solid #aaa; text-align: left; vertical-align: top }
        .contents { columns: 20em }
        .warning { padding: .1em 1em; border-left: thick solid #c00 }
      </style>
    </head>
    <body>
      <h1><xsl:value-of select="name"/></h1>
      <table>
        <tr><th>Description</th><td><xsl:apply-templates select="description/node()"/></td></tr>
        <tr><th>Status</th><td><xsl:value-of select="status"/></td></tr>
        <tr><th>Module identifier</th><td><xsl:value-of select="identifier"/></td></tr>
        <tr><th>Source file</th><td><xsl:value-of select="sourcefile"/></td></tr>
        <tr><th>Compatibility</th><td><xsl:apply-templates select="compatibility/node()"/></td></tr>
        <xsl:if test="$version"><tr><th>Version</th><td><xsl:value-of select="$version"/></td></tr></xsl:if>
      </table>
      <xsl:apply-templates select="summary/node()"/>
      <h2>Topics</h2>
      <ul class="contents"><xsl:apply-templates select="section" mode="contents"/></ul>
      <h2>Directives</h2>
      <ul class="contents"><xsl:apply-templates select="directivesynopsis" mode="contents"/></ul>
      <xsl:call-template name="see-also"/>
      <xsl:apply-templates select="section | directivesynopsis"/>
    </body>
  </html>
</xsl:template>

<xsl:template match="section" mode="contents">
  <li><a href="#{@id}"><xsl:apply-templates select="title/node()"/></a></li>
</xsl:template>

<xsl:template match="directivesynopsis" mode="contents">
  <li><a href="#{translate(name, $upper, $lower)}"><xsl:value-of select="name"/></a></li>
</xsl:template>

<xsl:template name="see-also">
  <xsl:if test="seealso">
    <p>See also</p>
    <ul><xsl:for-each select="seealso"><li><xsl:apply-templates/></li></xsl:for-each></ul>
  </xsl:if>
</xsl:template>

<xsl:template match="modulesynopsis/section">
  <h2 id="{@id}"><xsl:apply-templates select="title/node()"/></h2>
  <xsl:apply-templates select="*[not(self::title)]"/>
</xsl:template>

<xsl:template match="section/section">
  <h3 id="{@id}"><xsl:apply-templates select="title/node()"/></h3>
  <xsl:apply-templates select="*[not(self::title)]"/>
</xsl:template>

<xsl:template match="directivesynopsis">
  <h2 id="{translate(name, $upper, $lower)}"><xsl:value-of select="name"/></h2>
  <table>
    <tr><th>Description</th><td><xsl:apply-templates select="description/node()"/></td></tr>
    <tr><th>Syntax</th><td><code><xsl:apply-templates select="syntax/node()"/></code></td></tr>
    <tr><th>Default</th><td><code><xsl:value-of select="default"/></code></td></tr>
    <tr>
      <th>Context</th>
      <td>
        <xsl:for-each select="contextlist/context">
          <xsl:if test="position() > 1">, </xsl:if>
          <xsl:value-of select="."/>
        </xsl:for-each>
      </td>
    </tr>
    <xsl:if test="override"><tr><th>Override</th><td><xsl:value-of select="override"/></td></tr></xsl:if>
    <xsl:if test="compatibility">
      <tr><th>Compatibility</th><td><xsl:apply-templates select="compatibility/node()"/></td></tr>
    </xsl:if>
  </table>
  <xsl:apply-templates select="usage/node()"/>
  <xsl:call-template name="see-also"/>
</xsl:template>

<!-- This page's own, and those of httpd's manual. -->
<xsl:template match="directive">
  <xsl:variable name="anchor" select="translate(., $upper, $lower)"/>
  <xsl:variable name="page">
    <xsl:if test="@module and @module != /modulesynopsis/name">
      <xsl:value-of select="concat($httpd, @module, '.html')"/>
    </xsl:if>
  </xsl:variable>
  <a href="{$page}#{$anchor}">
    <code>
      <xsl:choose>
        <xsl:when test="@type = 'section'">&lt;<xsl:value-of select="."/>&gt;</xsl:when>
        <xsl:otherwise><xsl:value-of select="."/></xsl:otherwise>
      </xsl:choose>
    </code>
  </a>
</xsl:template>

<xsl:template match="module">
  <a href="{$httpd}{.}.html"><xsl:value-of select="."/></a>
</xsl:template>

<xsl:template match="highlight">
  <pre><xsl:value-of select="substring-after(., '&#10;')"/></pre>
</xsl:template>

<xsl:template match="note">
  <div class="{@type}">
    <xsl:if test="title"><p><strong><xsl:apply-templates select="title/node()"/></strong></p></xsl:if>
    <xsl:apply-templates select="*[not(self::title)]"/>
  </div>
</xsl:template>

<!-- All others are HTML's own. -->
<xsl:template match="*">
  <xsl:element name="{name()}">
    <xsl:copy-of select="@*"/>
    <xsl:apply-templates/>
  </xsl:element>
</xsl:template>

</xsl:stylesheet>
