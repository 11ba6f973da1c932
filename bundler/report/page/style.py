"""How a page looks: on a phone, on paper, by day and by night, with no file beside it."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1c2024; --dim: #5b6470; --line: #d5dae0; --soft: #f4f6f8;
  --refused: #b3151f; --consent: #8a5300; --warning: #6b6000; --note: #1a5fa8; --accepted: #12703a; --held: #67409a;
  --refused-back: #fdecec; --consent-back: #fff3df; --warning-back: #fbf8d8; --note-back: #e9f2fc;
  --accepted-back: #e6f6ec; --held-back: #f2ecfb; }
@media (prefers-color-scheme: dark) { :root { --back: #15181c; --text: #e4e7eb; --dim: #98a2ae; --line: #363c44;
  --soft: #1e2329; --refused: #ff8a8a; --consent: #f5b45f; --warning: #ddd06a; --note: #83b9f5; --accepted: #6fd197;
  --held: #c5a8f5; --held-back: #2a2040;
  --refused-back: #3a1b1e; --consent-back: #36290f; --warning-back: #2f2d12; --note-back: #172a40;
  --accepted-back: #14301f; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0 auto; padding: 1.25rem; max-width: 68rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .75rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
h3.group { font-size: 1.1rem; margin-top: 2rem; color: var(--ink); }
h3 small { font-weight: normal; }
p { margin: .4rem 0; max-width: 46rem; }
small, .dim, th, dt { color: var(--dim); }
h2 small { font-weight: normal; font-size: .9rem; }
a { color: var(--note); text-decoration-thickness: 1px; text-underline-offset: .15em; }
code, .code { font: .875em/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; direction: ltr;
  unicode-bidi: bidi-override; }
.esc { color: var(--refused); background: var(--refused-back); border-radius: .15em; }
.refused { --ink: var(--refused); --wash: var(--refused-back); }
.consent { --ink: var(--consent); --wash: var(--consent-back); }
.warning { --ink: var(--warning); --wash: var(--warning-back); }
.note { --ink: var(--note); --wash: var(--note-back); }
.held { --ink: var(--held); --wash: var(--held-back); }
.accepted { --ink: var(--accepted); --wash: var(--accepted-back); }
.verdict { background: var(--wash); border: 1px solid var(--ink); border-left-width: .4rem; border-radius: .4rem;
  padding: .8rem 1rem; margin-bottom: 1rem; }
.verdict b { color: var(--ink); font-size: 1.25rem; line-height: 1.3; display: block; }
dl { display: grid; grid-template-columns: fit-content(14rem) minmax(0, 1fr); gap: .25rem 1rem; margin: .6rem 0; }
dd { margin: 0; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1rem 0 0; }
.badge { color: var(--ink); background: var(--wash); border: 1px solid var(--ink); border-radius: 1em;
  padding: 0 .55em; font-size: .8rem; white-space: nowrap; display: inline-block; line-height: 1.45; }
.rule { border-left: .25rem solid var(--ink); padding: .1rem 0 .1rem .9rem; margin: 1rem 0 1.4rem; }
.rule h3 { margin: 0 0 .2rem; }
.rule h3 code { font-weight: normal; color: var(--dim); }
ul { list-style: none; padding: 0; margin: .5rem 0; }
li { margin: .35rem 0; }
.quote { display: block; background: var(--soft); border-radius: .3rem; padding: .1rem .5rem; margin-top: .15rem;
  overflow: clip; }
table { border-collapse: collapse; width: 100%; font-size: .925rem; }
th, td { text-align: left; vertical-align: top; min-width: 4.5rem; padding: .3rem .8rem .3rem 0;
  border-top: 1px solid var(--line); }
th { font-weight: normal; border-top: 0; white-space: nowrap; }
td:last-child, th:last-child { padding-right: 0; }
.in1 { padding-left: 1.2rem; } .in2 { padding-left: 2.4rem; } .in3 { padding-left: 3.6rem; }
.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
:target { outline: 2px solid var(--note); outline-offset: 2px; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .6rem 0; }
summary { padding: .45rem .8rem; cursor: pointer; background: var(--soft); border-radius: .4rem; }
details > :not(summary) { margin-left: .8rem; margin-right: .8rem; }
details > .code { margin: 0; }
details > table { width: calc(100% - 1.6rem); }
.code { overflow-x: auto; tab-size: 4; overflow-wrap: normal; padding: .4rem 0; }
.lines { width: max-content; min-width: 100%; }
.line { display: flex; line-height: 1.5; height: 1.5em; overflow-y: clip; white-space: pre; }
.line > a { flex: none; width: 4.5em; padding-right: 1em; text-align: right; color: var(--dim); text-decoration: none;
  user-select: none; }
.line code, .raw code { font-size: 1em; }
.hit { background: var(--wash); box-shadow: inset .25rem 0 var(--ink); }
.mark { position: sticky; left: 0; width: fit-content; max-width: min(44rem, calc(100vw - 3.2rem));
  margin: .1rem 0 .35rem; padding: .1rem .6rem .1rem 4.5em; white-space: normal; overflow-wrap: anywhere;
  unicode-bidi: isolate; font: .875rem/1.45 system-ui, "DejaVu Sans", sans-serif; }
.gap { color: var(--dim); padding: .1rem 0 .1rem 4.5em; }
.raw { white-space: pre-wrap; overflow-wrap: anywhere; padding: .5rem .8rem; }
.drawing { overflow: auto; max-height: 80vh; border: 1px solid var(--line); border-radius: .4rem; padding: .8rem;
  margin: .6rem 0 1.2rem; }
.drawing svg { display: block; margin: 0 auto; }
.drawing text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--text); }
.drawing .sub { fill: var(--dim); font-size: 11px; }
.drawing path { fill: none; stroke: var(--dim); stroke-width: 1.3; }
.drawing rect { fill: var(--soft); stroke: var(--dim); }
.drawing .custom rect { stroke: var(--note); stroke-width: 2; fill: var(--note-back); }
.drawing .marked rect { stroke: var(--ink); stroke-width: 2.5; fill: var(--wash); }
.drawing .many rect { stroke-dasharray: 4 3; }
.drawing a { text-decoration: none; }
.bar { width: 100%; min-width: 6rem; height: .7rem; display: block; margin-top: .4rem; }
.bar rect { fill: var(--note); } .bar .rest { fill: var(--soft); }
ins, del { text-decoration: none; border-radius: .15em; }
ins, .add { background: var(--accepted-back); } del, .del { background: var(--refused-back); }
.at { background: var(--soft); color: var(--dim); }
.hunks .line { padding: 0 .8rem; }
td > div > ul, td > div > .rule { margin: 0; }
@media (min-width: 42rem) {
  .changes td:first-child { white-space: nowrap; } .changes td:nth-child(2) { min-width: 14rem; }
}
footer { margin-top: 3rem; color: var(--dim); font-size: .9rem; }
@media (max-width: 42rem) {
  body { padding: .9rem; }
  table, tbody { display: block; } thead { display: none; }
  tr { display: block; border-top: 1px solid var(--line); padding: .35rem 0; } tr:first-child { border-top: 0; }
  td { display: flex; gap: .6rem; border: 0; padding: .05rem 0; min-width: 0; }
  td::before { content: attr(data-label); color: var(--dim); flex: 0 0 5.6rem; }
  td > * { min-width: 0; } td.none { display: none; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin-bottom: .4rem; }
  .in1 { padding-left: .6rem; } .in2 { padding-left: 1.2rem; } .in3 { padding-left: 1.8rem; }
  .line > a { width: 3.2em; padding-right: .7em; } .mark, .gap { padding-left: .6rem; }
}
@media print {
  :root { color-scheme: light; --back: #fff; --text: #000; --dim: #444; --line: #999; --soft: #f4f4f4;
    --refused: #b3151f; --consent: #8a5300; --warning: #6b6000; --note: #1a5fa8; --accepted: #12703a;
    --held: #67409a; --held-back: #f2ecfb;
    --refused-back: #fdecec; --consent-back: #fff3df; --warning-back: #fbf8d8; --note-back: #e9f2fc;
    --accepted-back: #e6f6ec; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  h2, h3, summary, .hit { break-after: avoid; } li, tr, .verdict, .line { break-inside: avoid; }
  details::details-content { content-visibility: visible; height: auto; display: block; }
  .code, .drawing { overflow: visible; max-height: none; }
  .lines { width: auto; } .line { height: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
  .line code { flex: 1; min-width: 0; } .mark { position: static; max-width: none; }
  .drawing svg { max-width: 100%; height: auto; }
}
"""

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
#: Nothing is loaded and nothing runs, even where an escape were missing: no script, no image, no frame, no style but
#: the one above.
CONTENT_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
