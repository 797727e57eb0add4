/** How the HTML page looks: system fonts, the reader's choice of light or dark, one column down to 320 px. All text has a contrast of 4.5 to 1 or more. */

/** Custom properties for light, then for dark; `tests` compute the contrast from them. */
export const COLORS = {
  light: {
    page: '#f6f7f9',
    card: '#ffffff',
    line: '#d5dae0',
    text: '#1b1f24',
    dim: '#59636e',
    bad: '#a9211a',
    'bad-back': '#fdecea',
    good: '#12642c',
    'good-back': '#e4f5e8',
    unknown: '#7d4a00',
    'unknown-back': '#fdf1d8',
    'note-back': '#eceff3',
  },
  dark: {
    page: '#0f1318',
    card: '#171c23',
    line: '#323b46',
    text: '#e5e9ee',
    dim: '#9ca8b5',
    bad: '#ff9d94',
    'bad-back': '#40191a',
    good: '#74d68f',
    'good-back': '#12351f',
    unknown: '#f0bb57',
    'unknown-back': '#3b2a0a',
    'note-back': '#262e38',
  },
} as const;

const properties = (colors: Readonly<Record<string, string>>): string =>
  Object.entries(colors)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');

/** The style sheet. `.stack`: tables with many columns, which become one card a row where there is no room. */
export const STYLE: string = `
:root{color-scheme:light dark;${properties(COLORS.light)}}
@media (prefers-color-scheme:dark){:root{${properties(COLORS.dark)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:64rem;margin:0 auto;padding:1.25rem 1rem 3rem;overflow-wrap:anywhere}
.brand{margin:0 0 .25rem;color:var(--dim);font-size:.875rem}
h1{margin:0 0 1.25rem;font-size:1.375rem;line-height:1.35;font-weight:400}
h2{margin:2rem 0 .75rem;font-size:1.125rem;line-height:1.4;font-weight:400}
h2.minor{font-size:1rem;font-weight:600}
p{margin:1rem 0}
span,b,li,td,th,dd,dt{unicode-bidi:isolate}
b{font-weight:600}
a{color:inherit;text-decoration:underline;text-underline-offset:.15em}
:target{outline:2px solid var(--dim);outline-offset:.25rem}
.dim{color:var(--dim)}
.bad{color:var(--bad)}.good{color:var(--good)}.unknown{color:var(--unknown)}
.part{text-decoration:underline;text-decoration-thickness:2px}
.badge{display:inline-block;padding:0 .5em;border-radius:.3em;font-size:.875em;font-weight:600;white-space:nowrap}
.badge.bad{background:var(--bad-back)}.badge.good{background:var(--good-back)}.badge.unknown{background:var(--unknown-back)}.badge.dim{background:var(--note-back);color:var(--text)}
ul{list-style:none;margin:1rem 0;padding:0}
ul.items>li{margin:.5rem 0;padding:.625rem .875rem;background:var(--card);border:1px solid var(--line);border-left-width:4px;border-radius:.375rem}
ul.items>li.bad,ul.items>li.good,ul.items>li.unknown{color:inherit}
ul.items>li.bad{border-left-color:var(--bad)}ul.items>li.good{border-left-color:var(--good)}ul.items>li.unknown{border-left-color:var(--unknown)}
ul.sub{margin:.375rem 0 0;font-size:.9375rem}
ul.sub>li{margin:.25rem 0;padding-left:.75rem;border-left:2px solid var(--line)}
dl,.frame{margin:1rem 0;background:var(--card);border:1px solid var(--line);border-radius:.375rem}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr}
dt,dd{margin:0;padding:.4375rem .875rem;border-top:1px solid var(--line)}
dt:first-of-type,dd:first-of-type{border-top:0}
dt{color:var(--dim);max-width:16rem}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.4375rem .875rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--dim);font-size:.8125rem;font-weight:600;white-space:nowrap}
tbody th{font-weight:400}
tbody th,td{white-space:pre-wrap}
pre{margin:1rem 0;padding:.75rem .875rem;overflow-x:auto;overflow-wrap:normal;background:var(--card);border:1px solid var(--line);border-radius:.375rem;font:.875rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre:focus-visible{outline:3px solid var(--text);outline-offset:2px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:44rem){
dl{display:block}
dt{max-width:none;padding-bottom:0;font-size:.875rem}
dd{padding-top:0;border-top:0}
th,td{padding:.375rem .5rem}
.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stack,.stack tbody{display:block}
.stack tr{display:flex;flex-wrap:wrap;align-items:baseline;gap:.125rem 1rem;padding:.5rem .75rem;border-top:1px solid var(--line)}
.stack tbody tr:first-child{border-top:0}
.stack tbody th,.stack td{display:block;padding:0;border:0;white-space:normal;min-width:0}
.stack td:empty:not(.mark){display:none}
.stack tbody th{flex:1 0 calc(100% - 2.25rem)}
.stack td.wide{flex-basis:100%}
.stack td.mark{flex:0 0 1.25rem}
.stack td[data-label]::before{content:attr(data-label) " ";color:var(--dim);font-size:.8125rem}
}
@media print{body,main{background:none}ul.items>li,tr,dl{break-inside:avoid}}
`.trim();
