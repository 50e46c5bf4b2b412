"""How pages look: plain, in light and dark, with nothing loaded from elsewhere. Every text stands out by at least 4.5 : 1."""

TOKENS = """\
:root { color-scheme: light dark; --bg: #f5f6f7; --surface: #ffffff; --sunk: #eef0f2; --line: #e2e6ea; --edge: #84909c;
  --ink: #12181e; --ink2: #43505c; --ink3: #5f6b77; --accent: #0b6075; --tint: #e2f1f4;
  --ok: #0f6650; --ok-tint: #def3ec; --ok-fill: #159a78; --warn: #855000; --warn-tint: #fdf0d6; --warn-fill: #c98208;
  --bad: #b0201f; --bad-tint: #fce8e6; --bad-fill: #cf2f2f; --wait: #5a5272; --wait-tint: #efedf5; --wait-fill: #8a80a8;
  --source: #635b52; --source-tint: #efece7; --source-fill: #958a7d; --bronze: #85491b; --bronze-tint: #f7e9dd;
  --bronze-fill: #b06a34; --silver: #465a70; --silver-tint: #e6ecf3; --silver-fill: #7d93ab; --gold: #735600;
  --gold-tint: #f8efcd; --gold-fill: #b98d08; --string: #0f6650; --number: #85491b; }
@media (prefers-color-scheme: dark) { :root { --bg: #0d1115; --surface: #14191f; --sunk: #1a2027; --line: #232a33;
  --edge: #6d7987; --ink: #e9edf1; --ink2: #b4bec8; --ink3: #8d98a5; --accent: #62c3d6; --tint: #11303a;
  --ok: #6fd0b0; --ok-tint: #0f2a23; --ok-fill: #2bab8a; --warn: #eab455; --warn-tint: #2f240c; --warn-fill: #d9992e;
  --bad: #ff938a; --bad-tint: #371917; --bad-fill: #e24b47; --wait: #bdb4da; --wait-tint: #252137; --wait-fill: #8379a6;
  --source: #bdb3a6; --source-tint: #26231f; --source-fill: #857a6d; --bronze: #e2a676; --bronze-tint: #2f2117;
  --bronze-fill: #b06f3c; --silver: #adbdcf; --silver-tint: #1e2833; --silver-fill: #7388a0; --gold: #e4c454;
  --gold-tint: #2b250a; --gold-fill: #c79c1e; --string: #6fd0b0; --number: #e2a676; } }
"""
"""Colours by what they mean: `…` for texts, `…-tint` for what stands behind them, `…-fill` for bars and lines."""

BASE = """\
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { margin: 0 auto; max-width: 76rem; padding: 1.25rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .25rem 0 .5rem; letter-spacing: -.014em; }
h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
a { color: var(--accent); text-underline-offset: .15em; } p, main > ul { max-width: 48rem; } p { margin: .5rem 0; }
a:focus-visible, summary:focus-visible, input:focus-visible, .scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code { font: .92em ui-monospace, "JetBrains Mono", "SF Mono", Menlo, Consolas, monospace; } td code { white-space: nowrap; }
ul { padding-left: 1.2rem; margin: .4rem 0; } .soft, footer { color: var(--ink2); } .small { font-size: .87rem; }
.scroll { overflow-x: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; overflow-wrap: normal; } table.facts { width: auto; }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; } th { color: var(--ink2); font-weight: 550; font-size: .87rem; white-space: nowrap; }
.wide { min-width: 13rem; } .num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } time { white-space: nowrap; }
.badge { display: inline-block; border: 1px solid var(--line); border-radius: 4px; background: var(--sunk); color: var(--ink2);
  padding: 0 .4rem; font-size: .83rem; white-space: nowrap; margin: 0 .25rem .1rem 0; }
.badge.personal, .badge.warn { color: var(--warn); background: var(--warn-tint); border-color: currentColor; }
.badge.error, .badge.bad { color: var(--bad); background: var(--bad-tint); border-color: currentColor; }
.badge.ok { color: var(--ok); background: var(--ok-tint); border-color: currentColor; }
.badge.wait { color: var(--wait); background: var(--wait-tint); border-color: currentColor; }
footer { margin-top: 3rem; font-size: .87rem; }
"""
