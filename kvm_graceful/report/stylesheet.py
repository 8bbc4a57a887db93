"""How a page looks: light and dark, on a wide screen, on a phone and on paper. One constant, nothing computed."""
from __future__ import absolute_import, division, print_function

SHEET = '''
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --muted: #5b6675; --line: #dfe4ea; --asked: #3f7fc4;
  --forced: #d9661f; --off: #1f7a4d; --saved: #12808a; --destroyed: #b3261e; --left: #6b4fa0; --unknown: #8a6d00;
  --deadline: #b3261e; --arrow: #566273; --row: 28px; --drop: 0px; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181e; --ink: #e4e9ef; --muted: #9aa6b4; --line: #2b333d; --asked: #5b9ae0; --forced: #f08a45;
    --off: #4cc38a; --saved: #3fbcc6; --destroyed: #ff7b72; --left: #b79af0; --unknown: #e0b83c; --deadline: #ff7b72;
    --arrow: #a3afbd; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem 1.25rem 2rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: .25rem 0 .5rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; }
.muted, footer { color: var(--muted); }
.verdict { font-weight: 600; padding: .5rem .75rem; border-left: 5px solid var(--off);
    background: color-mix(in srgb, var(--off) 9%, transparent); }
.verdict.bad { border-color: var(--destroyed); background: color-mix(in srgb, var(--destroyed) 9%, transparent); }
.timeline { display: grid; grid-template-columns: fit-content(24rem) minmax(0, 1fr); margin: 1rem 0 .5rem; }
.axis { grid-column: 2; width: 100%; height: 42px; position: sticky; top: 0; background: var(--paper);
    border-bottom: 1px solid var(--line);
  z-index: 2; overflow: visible; }
.corner { grid-column: 1; position: sticky; top: 0; background: var(--paper); border-bottom: 1px solid var(--line);
    z-index: 2; }
.names { grid-column: 1; list-style: none; margin: 0; padding: 0; min-width: 0; }
.names li { height: var(--row); display: flex; gap: .75rem; align-items: center; justify-content: space-between;
    white-space: nowrap;
  padding-right: .6rem; line-height: 1.2; }
.names li + li { box-shadow: inset 0 1px var(--line); }
.names bdi { overflow: hidden; text-overflow: ellipsis; min-width: 0; }
.names span { color: var(--muted); font-size: 12.5px; flex: none; font-variant-numeric: tabular-nums; }
.chart { grid-column: 2; width: 100%; display: block; overflow: visible; }
.battery { grid-column: 2; width: 100%; height: 56px; border-top: 1px solid var(--line); display: block; }
.battery-name { grid-column: 1; border-top: 1px solid var(--line); font-size: 12.5px; color: var(--muted); padding-top: .3rem; }
svg.signs { position: absolute; width: 0; height: 0; }
text { fill: var(--muted); font-size: 12.5px; font-variant-numeric: tabular-nums; }
text.deadline-text { fill: var(--deadline); }
line.grid, line.row { stroke: var(--line); }
line.deadline { stroke: var(--deadline); stroke-width: 2; }
line.moved { stroke-width: 1.25; stroke-dasharray: 3 4; opacity: .8; }
.bars { transform: translateY(var(--drop)); }
line.waiting { stroke: var(--muted); stroke-dasharray: 1 4; stroke-linecap: round; stroke-width: 1.5; opacity: .7; }
line.asked { stroke: var(--asked); stroke-width: 11; }
line.forced { stroke: var(--forced); stroke-width: 11; }
line.saving { stroke: var(--saved); stroke-width: 11; }
line.arrow { stroke: var(--arrow); stroke-width: 1.25; }
line.weak { opacity: .4; }
.arrow-head { fill: var(--arrow); }
line.charge, circle.charge { stroke: var(--unknown); stroke-width: 1.5; fill: var(--unknown); }
.sign { stroke: var(--paper); stroke-width: 1.5; fill: var(--off); paint-order: stroke; }
.sign.saved { fill: var(--saved); } .sign.destroyed, .sign.crashed { fill: var(--destroyed); } .sign.left { fill: var(--left); }
.sign.unknown { fill: var(--unknown); } .sign.again { fill: var(--ink); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: .5rem 0;
    font-size: 13px; color: var(--muted); }
.legend li { display: flex; align-items: center; gap: .4rem; }
.legend svg { width: 26px; height: 18px; flex: none; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--muted); font-weight: 600; white-space: nowrap; }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.name { font-weight: 600; min-width: 7rem; }
ul.plain { padding-left: 1.1rem; margin: .3rem 0; }
footer { margin-top: 2rem; font-size: 13px; }
@media (max-width: 700px) {
  :root { --row: 48px; --drop: 9px; }
  body { padding: .75rem .75rem 1.5rem; }
  .timeline { grid-template-columns: minmax(0, 1fr); }
  .corner { display: none; }
  .axis, .names, .chart, .battery, .battery-name { grid-column: 1; }
  .names, .chart { grid-row: 2; }
  .names { pointer-events: none; z-index: 1; }
  .names li { align-items: flex-start; padding: 4px 2px 0; }
  .names li + li { box-shadow: none; }
  .names bdi, .names span { background: color-mix(in srgb, var(--paper) 80%, transparent); }
  .battery-name { border-top: 1px solid var(--line); } .battery { border-top: 0; }
  table, tbody, tr, td { display: block; width: auto; }
  thead { display: none; }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td { border: 0; padding: 0; }
  td.number { display: inline-block; margin-right: 1rem; }
  td[data-name]::before { content: attr(data-name) " "; color: var(--muted); }
}
@media print { .axis, .corner { position: static; } body { max-width: none; } }
'''
