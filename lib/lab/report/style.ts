/** The page's look: one column, two themes, a phone, paper. */

const LIGHT = `
  color-scheme: light;
  --page: #ffffff; --ink: #1b1f24; --muted: #57606a; --faint: #8b949e; --line: #d5dae0; --panel: #f6f8fa; --link: #0550ae;
  --series-1: #0b5cad; --series-2: #c2500c; --series-3: #1a7f37; --series-4: #8250df;
  --series-5: #9a6700; --series-6: #bf3989; --series-7: #0e7c86; --series-8: #57606a;`;
const DARK = `
  color-scheme: dark;
  --page: #12161c; --ink: #e6e9ed; --muted: #a3adb8; --faint: #78828d; --line: #343b44; --panel: #1b2129; --link: #79b8ff;
  --series-1: #6cb2ff; --series-2: #ff9b54; --series-3: #5fd07f; --series-4: #c9a2ff;
  --series-5: #e3c04a; --series-6: #ff8ac4; --series-7: #4fd3dd; --series-8: #a3adb8;`;

export const STYLE = `
:root {${LIGHT}}
@media (prefers-color-scheme: dark) { :root:not([data-theme='light']) {${DARK}} }
:root[data-theme='dark'] {${DARK}}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem clamp(0.9rem, 4vw, 2rem) 4rem; max-width: 60rem;
  background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word;
}
h1 { font-size: clamp(1.4rem, 5vw, 1.9rem); line-height: 1.2; margin: 0.6rem 0; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 0.6rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 0 0 0.2rem; }
p { margin: 0.4rem 0; max-width: 46rem; }
a { color: var(--link); }
.quiet { color: var(--muted); font-size: 0.9rem; }
.warning { border-left: 4px solid var(--series-2); padding: 0.4rem 0.8rem; background: var(--panel); }
.skip { position: absolute; left: -999px; }
.skip:focus { position: static; }
header { display: flex; flex-wrap: wrap; gap: 0.6rem; justify-content: space-between; align-items: start; }
button {
  font: inherit; font-size: 0.85rem; color: var(--ink); background: var(--panel); border: 1px solid var(--line);
  border-radius: 6px; padding: 0.3rem 0.7rem; min-height: 2.2rem; cursor: pointer;
}
button:hover { border-color: var(--faint); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 4px; }
nav ul { columns: 18rem; padding-left: 1.2rem; margin: 0.4rem 0; }
nav li { break-inside: avoid; margin: 0.15rem 0; }
figure { margin: 1.8rem 0 2.4rem; }
figcaption p { color: var(--muted); font-size: 0.92rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; list-style: none; margin: 0.5rem 0 0; padding: 0; font-size: 0.9rem; }
.legend svg { width: 0.9rem; height: 0.9rem; vertical-align: -0.1rem; margin-right: 0.35rem; overflow: visible; }
.scroll { overflow-x: auto; }
.plot svg { display: block; max-width: 100%; height: auto; color: var(--ink); }
.plot svg + svg { display: none; }
@media screen and (max-width: 34rem) {
  .plot svg { display: none; }
  .plot svg + svg { display: block; width: 100%; }
}
.tools { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.4rem 0; }
table { border-collapse: collapse; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.22rem 0.7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { color: var(--muted); font-weight: 600; vertical-align: bottom; white-space: normal; min-width: 4.5rem; }
.facts th, .facts td { text-align: left; white-space: normal; vertical-align: top; min-width: 0; }
.facts th { color: var(--muted); font-weight: 600; padding-right: 1.4rem; }
summary { cursor: pointer; padding: 0.35rem 0; font-size: 0.92rem; }
@media print {
  :root, :root:not([data-theme='light']), :root[data-theme='dark'] {${LIGHT}}
  body { max-width: none; padding: 0; font-size: 10pt; }
  button, .skip, .tools { display: none; }
  h2 { break-after: avoid; }
  .whole, tr { break-inside: avoid; }
  .plot svg { width: 78%; }
  .scroll { overflow: visible; }
  a { color: inherit; text-decoration: none; }
}
`;
