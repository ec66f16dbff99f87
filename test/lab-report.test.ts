/** The page of a report: what is in it, and what a real browser makes of it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PNG } from 'pngjs';
import { generator } from '../lib/lab/random';
import { KS } from '../lib/lab/suites/online';
import { PAPER_ALGORITHMS, SWITCHES } from '../lib/lab/suites/two-pass';
import { FORMS } from '../lib/lab/top-k';
import { Browser, chromium } from './helpers/chromium';
import { softlane } from './helpers/cli';

const folder = mkdtempSync(join(tmpdir(), 'softlane-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const next = generator(3);

/** The rounds of one contender. */
function contender(family: string, name: string, ns: number, fields: object) {
  const run = `${family}/${name}`;
  return Array.from({ length: 33 }, (_, i) => ({
    name: run,
    run_name: run,
    run_type: 'iteration',
    real_time: ns * (1 + 0.04 * next()),
    cpu_time: ns,
    time_unit: 'ns',
    trial: Math.floor(i / 11),
    ...(i === 0 ? { family, contender: name, rows: 1, ...fields } : {}),
  }));
}

const own = (isa: string, word: string, cols: number, speed: number) =>
  PAPER_ALGORITHMS.map(({ algorithm, reads, writes }) => ({
    name: `${algorithm}/${isa}/${word}`,
    ns: (cols * (reads + writes)) / speed,
    fields: { kind: 'softlane', op: 'softmax', algorithm, isa, cols, reads, writes },
  }));

const traffic = (isa: string, cols: number) =>
  (['read', 'copy', 'scale'] as const).map((work) => ({
    name: `memory/${work}`,
    ns: cols * (work === 'read' ? 0.1 : 0.25),
    fields: { kind: 'memory', work, isa, cols, reads: 1, writes: work === 'read' ? 0 : 1 },
  }));

/** A result of each suite, small and made up. */
function results() {
  const twoPass = [1e3, 1e5, 1e7].flatMap((cols) =>
    [...own('avx2', 'published', cols, 8), ...own('avx2', 'shipped', cols, 9)].flatMap((one) =>
      contender(`two-pass/n=${cols}`, one.name, one.ns, { part: 'length', ...one.fields }),
    ),
  );
  const passes = [
    ...own('avx2', 'published', 1e7, 8),
    ...traffic('avx2', 1e7),
    ...['two-pass', 'three-pass-recompute'].map((algorithm) => ({
      name: `sum/${algorithm}/avx2/published`,
      ns: 1e6,
      fields: { kind: 'softlane', op: 'logSumExp', algorithm, isa: 'avx2', cols: 1e7 },
    })),
  ].flatMap((one) =>
    contender('two-pass/passes-avx2', one.name, one.ns, { part: 'passes', ...one.fields }),
  );
  const switches = [
    ...SWITCHES.flatMap(([word], i) => own('avx2', word, 1e7, 8 + i)),
    ...['plain', 'prefetch', '4-pages'].flatMap((word) =>
      traffic('avx2', 1e7).map((one) => ({ ...one, name: `${one.name}/${word}` })),
    ),
  ].flatMap((one) =>
    contender('two-pass/switches-avx2', one.name, one.ns, { part: 'switches', ...one.fields }),
  );
  const threads = [1, 2].flatMap((count) =>
    own('avx2', 'published', 1e7, 8 * count).flatMap((one) =>
      contender(`two-pass/threads-${count}-avx2`, one.name, one.ns, {
        part: 'threads',
        threads: count,
        ...one.fields,
      }),
    ),
  );
  const online = [63, 126, 252].flatMap((cols) =>
    ['naive', 'safe', 'online'].flatMap((name, i) =>
      contender(`online/10x${cols}`, `${name}/avx2`, cols * (4 - i), {
        part: 'batch-10',
        kind: 'softlane',
        isa: 'avx2',
        rows: 10,
        cols,
      }),
    ),
  );
  const selections = [63, 126].flatMap((cols) =>
    KS.flatMap((k) =>
      Object.entries(FORMS).flatMap(([form, { reads, writes }]) =>
        contender(`online-top-k/10x${cols}`, `${form}/k=${k}/avx2`, cols * (reads + writes), {
          ...{ part: 'top-k-10', kind: 'top-k', isa: 'avx2', form, k },
          ...{ rows: 10, cols, reads, writes },
        }),
      ),
    ),
  );
  const roofline = [
    ...[4096, 2 ** 24].flatMap((cols) =>
      traffic('avx2', cols).flatMap((one) =>
        contender(`memory/${cols}`, one.name, one.ns, { part: 'memory', ...one.fields }),
      ),
    ),
    ...contender('exp/in-cache', 'exp/avx2', 1000, { part: 'exp', isa: 'avx2', cols: 4096 }),
    ...['softmax', 'argMax'].flatMap((op) =>
      contender(`${op}/memory`, `${op}/avx2`, 1e7, {
        ...{ part: 'operators', kind: 'softlane', isa: 'avx2', op, cols: 2 ** 24 },
        ...{ reads: 1, writes: op === 'softmax' ? 1 : 0, label: 'cold outputs' },
      }),
    ),
  ];
  const ops = [
    ...contender('softmax/1x5', 'a <b> & "c"', 50, {
      base: 'a <b> & "c"',
      kind: 'plugin',
      cols: 5,
    }),
    { name: 'softmax/1x5/tfjs', skipped: true, skip_message: 'it is not installed' },
  ];
  const caches = [
    { type: 'Data', level: 1, size: 49152 },
    { type: 'Unified', level: 2, size: 2 ** 20 },
  ];
  const context = {
    json_schema_version: 1,
    caches,
    date: '2026-01-01',
    softlane_cpu: 'A <script>',
  };
  const write = (suite: string, benchmarks: object[]) => {
    const file = join(folder, `${suite}.json`);
    const text = JSON.stringify({ context: { ...context, softlane_suite: suite }, benchmarks });
    writeFileSync(file, text);
    return file;
  };
  return [
    write('two-pass', [...twoPass, ...passes, ...switches, ...threads]),
    write('online', [...online, ...selections]),
    write('roofline', roofline),
    write('ops', ops),
  ];
}

const page = join(folder, 'report.html');
let html = '';
beforeAll(() => {
  const outcome = softlane(['lab', 'report', ...results(), '-o', page, '--title', 'T & <i>']);
  expect(outcome).toMatchObject({ status: 0, stdout: '' });
  html = readFileSync(page, 'utf8');
});

const FIGURES = [
  'f1-length-avx2-published',
  'f1-length-avx2-shipped',
  'f1-gain-avx2',
  'f1-passes-avx2',
  'f1-model-avx2',
  'f1-switches-avx2',
  'f1-memory-switches-avx2',
  'f1-threads-avx2',
  'f2-online-speed-10-avx2',
  'f2-online-gain-10-avx2',
  'f2-top-k-speed-10-avx2',
  'f2-top-k-gain-10-avx2',
  'f2-top-k-by-k-10-avx2',
  'f3-roofline',
  'f3-operators',
  'f3-memory-1',
];

describe('the page', () => {
  test('has every figure of both papers, each with its plot and its table', () => {
    const figures = html.split('<figure ').slice(1);
    const ids = figures.map((figure) => /id="([^"]+)"/.exec(figure)?.[1]);
    expect(ids).toEqual([...FIGURES, expect.stringMatching(/^f4-ops-0/)]);
    for (const figure of figures) {
      expect(figure).toMatch(/<svg[^>]* role="img"/);
      expect(figure).toMatch(/<tbody><tr><th scope="row">/);
      expect(figure).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  test('the fused top-k is compared with softmax and then top-k of the same K', () => {
    const [, gain] = html.split('id="f2-top-k-gain-10-avx2"');
    const [, byK] = html.split('id="f2-top-k-by-k-10-avx2"');
    const cells = (figure: string): string[] =>
      [.../<tbody>.*?<\/tbody>/s.exec(figure)![0].matchAll(/<td>([\d.]+) \(/g)].map(
        ([, ratio]) => ratio,
      );
    // Two lengths: the forms of 4, 2 and 1 accesses over that of 5, then each K of the last form.
    const near = (ratios: string[], expected: number[]): void => {
      expect(ratios).toHaveLength(expected.length);
      ratios.forEach((ratio, i) => expect(Math.abs(Number(ratio) - expected[i])).toBeLessThan(0.2));
    };
    near(cells(gain), [1.25, 2.5, 5, 1.25, 2.5, 5]);
    near(cells(byK), Array<number>(8).fill(5));
  });

  test('asks for nothing from anywhere', () => {
    const addresses = [...html.matchAll(/https?:\/\/[^\s"'<)]+/g)].map(([address]) => address);
    expect([...new Set(addresses)]).toEqual(['http://www.w3.org/2000/svg']);
    expect(html).not.toMatch(/<(link|iframe|img|script src)\b|@import|url\(/);
    expect(html).toContain("default-src 'none'");
  });

  test('what a file says is text and no markup', () => {
    expect(html).toContain('<h1>T &amp; &lt;i&gt;</h1>');
    expect(html).toContain('A &lt;script&gt;');
    expect(html).not.toContain('A <script>');
    expect(html).toContain('a &lt;b&gt; &amp; "c"'.replaceAll('"', '&quot;'));
    expect(html).toContain('skipped, it is not installed');
  });

  test('is not overwritten without --force; Markdown and CSV by the ending, others refused', () => {
    const [first] = results();
    expect(softlane(['lab', 'report', first, '-o', page]).status).toBe(4);
    const md = join(folder, 'r.md');
    expect(softlane(['lab', 'report', first, '-o', md]).status).toBe(0);
    expect(readFileSync(md, 'utf8')).toContain('## two-pass/n=1000');
    const other = softlane(['lab', 'report', first, '-o', join(folder, 'r.pdf')]);
    expect(other.status).toBe(2);
    expect(other.stderr).toMatch(/--out to end with \.html, \.md or \.csv, received/);
    expect(existsSync(join(folder, 'r.pdf'))).toBe(false);
  });
});

describe('softlane lab compare', () => {
  const file = (name: string, ns: number) => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify({ benchmarks: contender('f', 'a', ns, {}) }));
    return path;
  };

  test('exit code 5 where something is slower, 0 where it is not', () => {
    const [before, after] = [file('before.json', 100), file('after.json', 150)];
    const slower = softlane(['lab', 'compare', before, after]);
    expect(slower.status).toBe(5);
    expect(slower.stdout).toMatch(/^f\/a .* slower$/m);
    expect(softlane(['lab', 'compare', after, before]).status).toBe(0);
    const same = softlane(['lab', 'compare', before, before, '--json']);
    expect(same.status).toBe(0);
    expect(JSON.parse(same.stdout)).toMatchObject({
      confidence: 0.99,
      rows: [{ name: 'f/a', ratio: 1, verdict: 'no difference shown' }],
    });
    const foreign = softlane(['lab', 'compare', before, join(__dirname, 'hashes.json')]);
    expect(foreign).toMatchObject({ status: 3, stdout: '' });
  });

  test('a packed result is read; one that only says so gets one sentence', () => {
    const [before, after] = [file('plain.json', 100), `${file('unpacked.json', 150)}.gz`];
    writeFileSync(after, gzipSync(readFileSync(after.slice(0, -'.gz'.length))));
    expect(softlane(['lab', 'compare', before, after]).status).toBe(5);
    const liar = `${before}.gz`;
    writeFileSync(liar, readFileSync(before));
    const refused = softlane(['lab', 'compare', before, liar]);
    expect(refused).toMatchObject({ status: 3, stdout: '' });
    expect(refused.stderr).toMatch(/^softlane: .*plain\.json\.gz: cannot be read: .*\n$/);
  });
});

// Debian's chromium; where there is none, the page's text above is all that is looked at.
(chromium === undefined ? describe.skip : describe)('in Chromium', () => {
  let browser: Browser;
  const requests: string[] = [];
  const problems: string[] = [];
  beforeAll(async () => {
    browser = await Browser.open('about:blank');
    browser.on(({ method, params }) => {
      if (method === 'Network.requestWillBeSent') requests.push(params.request.url);
      if (method === 'Log.entryAdded') problems.push(params.entry.text);
      if (method === 'Runtime.exceptionThrown') problems.push(params.exceptionDetails.text);
    });
    await browser.send('Log.enable');
    await browser.send('Runtime.enable');
    await browser.size(1000, 800);
    await browser.go(pathToFileURL(page).href);
  });
  afterAll(() => browser.close());

  test('loads nothing but itself, without an error', () => {
    expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(page).href]);
    expect(problems).toEqual([]);
  });

  test.each([1000, 390, 320])('%d pixels wide: nothing sticks out of the page', async (width) => {
    await browser.size(width, 800, width < 500);
    const wide = await browser.evaluate<number>('document.documentElement.scrollWidth');
    expect(wide).toBeLessThanOrEqual(width);
    // One plot of each figure is seen, whole, and its words can be read.
    const plots = await browser.evaluate<{ seen: number; cut: boolean; scale: number }[]>(
      `[...document.querySelectorAll('.plot')].map((plot) => {
        const seen = [...plot.querySelectorAll(':scope > svg')].filter((svg) => svg.getBoundingClientRect().width > 0);
        const box = seen[0].getBoundingClientRect();
        return { seen: seen.length, cut: plot.scrollWidth > plot.clientWidth + 1, scale: box.width / seen[0].viewBox.baseVal.width };
      })`,
    );
    expect(plots).toHaveLength(FIGURES.length + 1);
    for (const { seen, cut, scale } of plots) {
      expect([seen, cut]).toEqual([1, false]);
      // Words are of 12 pixels before that.
      expect(scale).toBeGreaterThan(0.66);
    }
  });

  test.each(['light', 'dark'] as const)(
    '%s: text and curves stand out from the page',
    async (theme) => {
      await browser.size(1000, 800);
      await browser.theme(theme);
      const ratios = await browser.evaluate<Record<string, number>>(`(() => {
      const style = getComputedStyle(document.documentElement);
      const light = (name) => {
        const hex = style.getPropertyValue(name).trim();
        const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
          .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const contrast = (name) => {
        const [low, high] = [light(name), light('--page')].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
      };
      const names = ['--ink', '--muted', '--link', ...[1, 2, 3, 4, 5, 6, 7, 8].map((i) => '--series-' + i)];
      return Object.fromEntries(names.map((name) => [name, contrast(name)]));
    })()`);
      // WCAG: 4.5 for text, 3 for graphics.
      for (const [name, ratio] of Object.entries(ratios)) {
        expect([name, ratio >= (name.startsWith('--series') ? 3 : 4.5)]).toEqual([name, true]);
      }
    },
  );

  test('the picture of a figure has its colours, another in each theme', async () => {
    const clip = await browser.evaluate<{ x: number; y: number; width: number; height: number }>(
      `(() => { const b = document.querySelector('#f1-length-avx2-published .plot').getBoundingClientRect();
        return { x: b.x, y: b.y + scrollY, width: b.width, height: b.height }; })()`,
    );
    const dark = PNG.sync.read(await browser.picture(clip));
    await browser.theme('light');
    const light = PNG.sync.read(await browser.picture(clip));
    const counts = (png: PNG) => {
      const colors = new Map<string, number>();
      for (let i = 0; i < png.data.length; i += 4) {
        const color = png.data.subarray(i, i + 3).toString('hex');
        colors.set(color, (colors.get(color) ?? 0) + 1);
      }
      return colors;
    };
    // The page's own colour, and those of the three curves.
    const curves = {
      light: ['ffffff', '0b5cad', 'c2500c', '1a7f37'],
      dark: ['12161c', '6cb2ff', 'ff9b54', '5fd07f'],
    };
    for (const color of curves.light) expect(counts(light).get(color) ?? 0).toBeGreaterThan(50);
    for (const color of curves.dark) expect(counts(dark).get(color) ?? 0).toBeGreaterThan(50);
  });

  test('the keyboard reaches the theme, the plots, the export and the numbers', async () => {
    await browser.go(pathToFileURL(page).href);
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      await browser.press('Tab');
      seen.add(
        await browser.evaluate<string>(
          `(({ id, tagName, className }) => [tagName, id, className].join(' ').trim())(document.activeElement)`,
        ),
      );
      if (i === 0) expect([...seen]).toEqual(['A  skip']);
    }
    for (const stop of ['BUTTON theme', 'DIV  plot scroll', 'BUTTON', 'SUMMARY']) {
      expect([...seen]).toContain(stop);
    }
    await browser.evaluate(`document.querySelector('#f1-gain-avx2 summary').focus()`);
    await browser.press('Enter');
    expect(await browser.evaluate(`document.querySelector('#f1-gain-avx2 details').open`)).toBe(
      true,
    );
    await browser.evaluate(`document.getElementById('theme').focus()`);
    await browser.press('Enter');
    expect(await browser.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    await browser.press('Enter');
    expect(await browser.evaluate('document.documentElement.dataset.theme')).toBe('light');
  });

  test.each(['svg', 'png'])('a figure is saved as %s that stands alone', async (kind) => {
    await browser.go(pathToFileURL(page).href);
    const text = await browser.evaluate<string>(`new Promise((resolve) => {
      URL.createObjectURL = (blob) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.readAsDataURL(blob);
        return '#';
      };
      document.querySelector('#f1-length-avx2-published [data-kind=${kind}]').click();
    })`);
    const bytes = Buffer.from(text.slice(text.indexOf(',') + 1), 'base64');
    if (kind === 'svg') {
      const svg = bytes.toString();
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
      expect(svg).toContain('two-pass');
      expect(svg).toContain('#1a7f37');
      expect(svg).not.toContain('var(--');
      return;
    }
    const png = PNG.sync.read(bytes);
    expect(png.width).toBe(1360);
    const colors = new Set<string>();
    for (let i = 0; i < png.data.length; i += 4) {
      colors.add(png.data.subarray(i, i + 3).toString('hex'));
    }
    for (const color of ['ffffff', '0b5cad', 'c2500c', '1a7f37']) expect(colors).toContain(color);
  });

  test('on paper the numbers are open and the buttons are gone', async () => {
    await browser.theme('dark', 'print');
    await browser.evaluate(`dispatchEvent(new Event('beforeprint'))`);
    expect(
      await browser.evaluate(`[...document.querySelectorAll('details')].every((d) => d.open)`),
    ).toBe(true);
    expect(
      await browser.evaluate(`getComputedStyle(document.querySelector('.tools')).display`),
    ).toBe('none');
    expect(await browser.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe(
      'rgb(255, 255, 255)',
    );
  });
});
