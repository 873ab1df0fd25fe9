/*
 * The status page's one style sheet, inside the page. The endpoint's Content-Security-Policy names
 * its SHA-256 (CSP Level 3, 6.7.3.3), so that nothing else styles the page.
 */
#ifndef HOLDFAST_REPORT_STYLE_H
#define HOLDFAST_REPORT_STYLE_H

#define REPORT_HTML_STYLE                                                                          \
    "body{font:16px/1.4 sans-serif;margin:2em auto;max-width:75em;padding:0 1em}"                  \
    "table{border-collapse:collapse;width:100%;margin-bottom:2em}"                                 \
    "th,td{border:1px solid #999;padding:.3em .5em;text-align:left;vertical-align:top;"            \
    "overflow-wrap:anywhere}"                                                                      \
    "th{font-weight:normal}thead th{font-weight:bold;background:#eee;white-space:nowrap}"          \
    "code{font-size:.85em;color:#555}dl{display:grid;grid-template-columns:max-content 1fr;"       \
    "gap:.2em 1em}dt{font-weight:bold}dd{margin:0}"                                                \
    "h1 span{border:.15em solid;padding:0 .3em;text-transform:uppercase}"                          \
    ".pass{color:#060}.warn{color:#850}.reason,h1 .fail{color:#a00;font-weight:bold}"              \
    "tr.pass,tr.not_applicable,tr.not_checked{color:inherit}"                                      \
    "tr.fail td:nth-of-type(1),tr.error td:nth-of-type(1){color:#a00;font-weight:bold}"            \
    "@media print{body{max-width:none;font-size:10pt}tr{break-inside:avoid}}"

#endif
