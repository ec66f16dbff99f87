/** One page that needs nothing else: figures drawn beforehand, tables, the machine. */
import { BUSY } from '../machine';
import type { Saved } from '../saved';
import type { Figure, LegendEntry } from './figure';
import { onlineFigures } from './online-figures';
import { opsFigures, otherRows } from './ops-figures';
import { plot } from './plot';
import { memoryFigures, rooflineFigures } from './roofline-figures';
import { SCRIPT } from './script';
import { STYLE } from './style';
import { memorySwitchFigures, switchFigures, threadFigures } from './switch-figures';
import { lengthFigures, modelFigures, passFigures } from './two-pass-figures';

/** Parts that have figures of their own. */
const PARTS = ['length', 'passes', 'switches', 'threads', 'memory', 'exp', 'operators'];

const SUITES: Readonly<Record<string, string>> = {
  'two-pass': 'The Two-Pass Softmax Algorithm',
  online: 'Online normalizer calculation for softmax',
  roofline: 'Roofline',
  ops: 'Operators and rivals',
  sampling: 'From logits to a token',
};

export function figuresOf(saved: Saved): Figure[] {
  return [
    ...lengthFigures(saved),
    ...passFigures(saved),
    ...modelFigures(saved),
    ...switchFigures(saved),
    ...memorySwitchFigures(saved),
    ...threadFigures(saved),
    ...onlineFigures(saved),
    ...rooflineFigures(saved),
    ...memoryFigures(saved),
    ...opsFigures(otherRows(saved, PARTS)),
  ];
}

function html(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (char) => entities[char]);
}

/** The symbol of a series as Plot draws it. */
function swatch({ color, symbol }: LegendEntry): string {
  const { document } = plot().parseHTML('<!doctype html><html><body></body></html>');
  const svg = plot().plot({
    document,
    width: 16,
    height: 16,
    axis: null,
    margin: 0,
    marks: [
      plot().dot([0], {
        frameAnchor: 'middle',
        symbol: symbol as 'circle',
        r: 5,
        fill: color,
        stroke: color,
      }),
    ],
  });
  const path =
    /<(path|circle)\b[^>]*>/.exec(svg.innerHTML)?.[0].replace(/ transform="[^"]*"/, '') ?? '';
  const shape = path.startsWith('<circle')
    ? `<circle r="5" fill="${color}"/>`
    : path.replace('<path', `<path fill="${color}" stroke="${color}"`).replace(/\/?>$/, '/>');
  return `<svg viewBox="-8 -8 16 16" aria-hidden="true">${shape}</svg>`;
}

function tableHtml(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string =>
    row
      .map((cell, i) =>
        i === 0 && tag === 'td'
          ? `<th scope="row">${html(cell)}</th>`
          : `<${tag}${tag === 'th' ? ' scope="col"' : ''}>${html(cell)}</${tag}>`,
      )
      .join('');
  return `<table><thead><tr>${cells('th', head)}</tr></thead><tbody>${rows
    .map((row) => `<tr>${cells('td', row)}</tr>`)
    .join('')}</tbody></table>`;
}

/** Pixels of a plot on a screen, and on a phone, which shows it a little smaller. */
const WIDE = 680;
const NARROW = 420;

function figureHtml(figure: Figure, id: string): string {
  const legend = figure.legend
    .map((entry) => `<li>${swatch(entry)}${html(entry.name)}</li>`)
    .join('');
  return `<figure id="${id}" aria-labelledby="${id}-title">
<div class="whole">
<figcaption><h3 id="${id}-title">${html(figure.title)}</h3><p>${html(figure.caption)}</p></figcaption>
${figure.legend.length > 1 ? `<ul class="legend">${legend}</ul>` : ''}
<div class="plot scroll" role="group" tabindex="0" aria-label="${html(figure.title)}: the plot">${figure.svg(WIDE)}${figure.svg(NARROW)}</div>
</div>
<div class="tools" hidden><button type="button" data-kind="svg">Save as SVG</button><button type="button" data-kind="png">Save as PNG</button></div>
<details><summary>The numbers</summary><div class="scroll" role="group" tabindex="0" aria-label="${html(figure.title)}: the numbers">${tableHtml(figure.head, figure.rows)}</div></details>
</figure>`;
}

function factsHtml(saved: Saved, first: boolean): string {
  const facts = { host: saved.host, ...saved.facts, ...saved.settings };
  const rows = Object.entries(facts)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `<tr><th scope="row">${html(name)}</th><td>${html(value)}</td></tr>`);
  return `<details${first ? ' open' : ''}><summary>The machine and the settings</summary><div class="scroll"><table class="facts"><tbody>${rows.join('')}</tbody></table></div></details>`;
}

function warningsOf(saved: Saved): string[] {
  const doubtful = saved.rows.filter(({ doubts }) => doubts.length > 0);
  const counted = saved.rows.some((row) => Object.keys(row.counted).length > 0);
  return [
    ...(saved.others !== null && saved.others > BUSY
      ? [
          `The machine was busy: during some trials other programs took up to ${Math.round(saved.others * 100)} % of a CPU. These figures prove nothing.`,
        ]
      : []),
    ...(doubtful.length > 0
      ? [
          `${doubtful.length} of ${saved.rows.length} rows are doubtful: their times drifted while they were measured, or their processes differ. They are listed below the figures.`,
        ]
      : []),
    ...(counted || saved.facts['counters'] === undefined
      ? []
      : [`Hardware counters: ${saved.facts['counters']}.`]),
  ];
}

function section(saved: Saved, figures: readonly string[], first: boolean): string {
  const heading = SUITES[saved.suite] ?? saved.path;
  const left = saved.missing.map(
    ({ name, why, wrong }) =>
      `<li>${html(name)}: ${wrong ? 'wrong, so without a number: ' : 'skipped, '}${html(why)}</li>`,
  );
  const doubtful = saved.rows
    .filter(({ doubts }) => doubts.length > 0)
    .map(({ name, doubts }) => `<li>${html(name)}: ${html(doubts.join('; '))}</li>`);
  return `<section><h2>${html(heading)}</h2>
<p class="quiet">${html([saved.date, saved.path.replace(/^.*[/\\]/, '')].filter(Boolean).join(', '))}</p>
${warningsOf(saved)
  .map((text) => `<p class="warning">${html(text)}</p>`)
  .join('\n')}
${saved.remarks.map((text) => `<p>${html(text)}</p>`).join('\n')}
${factsHtml(saved, first)}
${figures.join('\n')}
${doubtful.length > 0 ? `<details><summary>${doubtful.length} doubtful</summary><ul>${doubtful.join('')}</ul></details>` : ''}
${left.length > 0 ? `<details><summary>${left.length} without a number</summary><ul>${left.join('')}</ul></details>` : ''}
</section>`;
}

/** A page of these results, in their order. */
export function page(saved: readonly Saved[], title = 'softlane: measurements'): string {
  const links: string[] = [];
  const sections = saved.map((one, i) => {
    const drawn = figuresOf(one).map((figure) => {
      const id = `f${i + 1}-${figure.id}`;
      links.push(`<li><a href="#${id}">${html(figure.title)}</a></li>`);
      return figureHtml(figure, id);
    });
    return section(one, drawn, i === 0);
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:">
<title>${html(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">To the figures</a>
<header><h1>${html(title)}</h1><button type="button" id="theme" hidden>Dark page</button></header>
<nav aria-label="Figures"><ul>${links.join('')}</ul></nav>
<main id="main">
${sections.join('\n')}
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}
