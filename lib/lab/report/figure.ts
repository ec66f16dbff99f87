/** What the page shows: a plot, how to read it, and the numbers behind it. */
import { digits } from '../table';
import { drawSvg, plot, type Markish, type PlotOptions } from './plot';

export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What is drawn and what it says, in a sentence or two. */
  readonly caption: string;
  /** The plot, so many pixels wide: the page has one for a screen and one for a phone. */
  readonly svg: Drawing;
  readonly legend: readonly LegendEntry[];
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export type Drawing = (width: number) => string;

export interface LegendEntry {
  readonly name: string;
  readonly color: string;
  readonly symbol: string;
}

/** A point of a curve. `series` chooses colour and symbol, `dash` the line. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly series: string;
  readonly dash?: boolean;
  /** Bounds of an interval or of quartiles. */
  readonly low?: number;
  readonly high?: number;
  readonly title: string;
}

/** Colours that differ in both themes and to colour-blind eyes; the page defines the variables. */
const COLORS = 8;
const SYMBOLS = ['circle', 'square', 'triangle', 'diamond', 'cross', 'star', 'wye', 'asterisk'];

export const colorOf = (i: number): string => `var(--series-${(i % COLORS) + 1})`;
export const symbolOf = (i: number): string => SYMBOLS[i % SYMBOLS.length];

export function legendOf(series: readonly string[], symbol?: string): LegendEntry[] {
  return series.map((name, i) => ({ name, color: colorOf(i), symbol: symbol ?? symbolOf(i) }));
}

/** Colours and symbols of series, the same in every mark of a figure. */
export function scalesOf(series: readonly string[]): Pick<PlotOptions, 'color' | 'symbol'> {
  return {
    color: { type: 'ordinal', domain: series, range: series.map((_, i) => colorOf(i)) },
    symbol: { type: 'ordinal', domain: series, range: series.map((_, i) => symbolOf(i)) },
  } as Pick<PlotOptions, 'color' | 'symbol'>;
}

export interface CurveOptions {
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xLog?: boolean;
  readonly yLog?: boolean;
  readonly yFromZero?: boolean;
  readonly series: readonly string[];
  /** Vertical lines with a word each. */
  readonly marks?: readonly { readonly x: number; readonly word: string }[];
  /** Horizontal lines with a word each. */
  readonly levels?: readonly { readonly y: number; readonly word: string }[];
  /** Places that have data; where they are many, every second or third gets a word. */
  readonly xTicks: readonly number[];
  readonly xFormat?: (value: number) => string;
  readonly label: string;
}

/** Two digits and a unit of thousands: 3M. */
export function shortNumber(value: number): string {
  const units: readonly (readonly [number, string])[] = [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  for (const [unit, letter] of units) {
    if (value >= unit) return `${Number((value / unit).toPrecision(3))}${letter}`;
  }
  return String(Number(value.toPrecision(3)));
}

/** Pixels that the word of a tick needs. */
const TICK = 50;

function thinned(ticks: readonly number[], width: number): number[] {
  const every = Math.ceil((ticks.length * TICK) / width);
  return ticks.filter((_, i) => i % every === 0);
}

/** Lines with a symbol at each point. */
export function curves(points: readonly Point[], options: CurveOptions): Drawing {
  return (width) => drawCurves(points, options, width);
}

function drawCurves(points: readonly Point[], options: CurveOptions, width: number): string {
  const Plot = plot();
  const { series, marks = [], levels = [] } = options;
  const data = [...points];
  const solid = data.filter(({ dash }) => dash !== true);
  const dashed = data.filter(({ dash }) => dash === true);
  const line = { x: 'x', y: 'y', stroke: 'series', z: 'series', strokeWidth: 1.75 };
  const dot = { x: 'x', y: 'y', stroke: 'series', symbol: 'series', r: 3.2, title: 'title' };
  const spread = data.filter(({ low, high }) => low !== undefined && high !== undefined);
  const from = Math.min(...data.map(({ x }) => x));
  const to = Math.max(...data.map(({ x }) => x));
  const inside = marks.filter(({ x }) => x >= from && x <= to);
  const format = options.xFormat ?? shortNumber;
  const layers: Markish[] = [
    // Words of its own: the axis of a logarithmic scale leaves out those of other than round numbers.
    Plot.axisX(thinned(options.xTicks, width), {
      text: format,
      label: options.xLabel,
      labelAnchor: 'center',
    }),
    Plot.gridY({ strokeOpacity: 0.14 }),
    Plot.ruleX(inside, { x: 'x', stroke: 'var(--faint)', strokeDasharray: '3,3' }),
    Plot.text(inside, {
      x: 'x',
      text: 'word',
      frameAnchor: 'top',
      dy: -12,
      fill: 'var(--muted)',
    }),
    Plot.ruleY(levels, { y: 'y', stroke: 'var(--faint)', strokeDasharray: '1,3' }),
    Plot.text(levels, {
      y: 'y',
      text: 'word',
      frameAnchor: 'right',
      textAnchor: 'end',
      dy: -7,
      fill: 'var(--muted)',
    }),
    Plot.ruleX(spread, { x: 'x', y1: 'low', y2: 'high', stroke: 'series', strokeOpacity: 0.45 }),
    Plot.line(solid, line),
    Plot.line(dashed, { ...line, strokeDasharray: '5,4' }),
    Plot.dot(solid, { ...dot, fill: 'series' }),
    Plot.dot(dashed, { ...dot, fill: 'var(--page)' }),
  ];
  return drawSvg(
    {
      marginTop: 34,
      x: { type: options.xLog === false ? 'linear' : 'log', axis: null },
      y: {
        type: options.yLog === true ? 'log' : 'linear',
        label: options.yLabel,
        zero: options.yFromZero === true,
        nice: true,
        tickFormat: shortNumber,
      },
      ...scalesOf(series),
      marks: layers,
    },
    options.label,
    width,
  );
}

export const orDash = (value: number): string => (Number.isNaN(value) ? '-' : digits(value));
