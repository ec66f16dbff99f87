/** Figures with a row for each contender: stacked bars, and dots with intervals. */
import { digits } from '../table';
import { scalesOf, shortNumber, type Drawing } from './figure';
import { drawSvg, plot } from './plot';

export interface Value {
  readonly group: string;
  readonly part: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

export interface BarOptions {
  readonly parts: readonly string[];
  readonly xLabel: string;
  readonly label: string;
  readonly xLog?: boolean;
  readonly xFromZero?: boolean;
  /** A vertical line with a word. */
  readonly level?: { readonly x: number; readonly word: string };
}

const titled = (values: readonly Value[]): (Value & { title: string })[] =>
  values.map((value) => ({
    ...value,
    title: `${value.group}, ${value.part}: ${digits(value.value)}`,
  }));

const groupsOf = (values: readonly Value[]): string[] => [
  ...new Set(values.map(({ group }) => group)),
];

/** Room for the longest name beside the axis. */
const marginFor = (groups: readonly string[], width: number): number =>
  Math.min(0.6 * width, 24 + 6.6 * Math.max(...groups.map((name) => name.length)));

/** The parts of a group one after the other. */
export function bars(values: readonly Value[], options: BarOptions): Drawing {
  return (width) => drawBars(values, options, width);
}

function drawBars(values: readonly Value[], options: BarOptions, width: number): string {
  const Plot = plot();
  const groups = groupsOf(values);
  return drawSvg(
    {
      marginLeft: marginFor(groups, width),
      height: 60 + 34 * groups.length,
      x: { label: options.xLabel, labelAnchor: 'center', tickFormat: shortNumber },
      y: { domain: groups, label: null, tickSize: 0 },
      ...scalesOf(options.parts),
      marks: [
        Plot.gridX({ strokeOpacity: 0.14 }),
        Plot.barX(titled(values), {
          x: 'value',
          y: 'group',
          fill: 'part',
          order: [...options.parts],
          title: 'title',
          insetTop: 3,
          insetBottom: 3,
          insetRight: 1,
        }),
        Plot.ruleX([0], { stroke: 'currentColor' }),
      ],
    },
    options.label,
    width,
  );
}

/** A symbol for each part, a line for each group, and bounds where they are known. */
export function dots(values: readonly Value[], options: BarOptions): Drawing {
  return (width) => drawDots(values, options, width);
}

function drawDots(values: readonly Value[], options: BarOptions, width: number): string {
  const Plot = plot();
  const groups = groupsOf(values);
  const { level } = options;
  const levels = level === undefined ? [] : [level];
  return drawSvg(
    {
      marginLeft: marginFor(groups, width),
      marginTop: levels.length > 0 ? 34 : 20,
      height: 64 + 26 * groups.length,
      x: {
        type: options.xLog === true ? 'log' : 'linear',
        label: options.xLabel,
        labelAnchor: 'center',
        zero: options.xFromZero === true,
        nice: true,
        tickFormat: shortNumber,
      },
      y: { domain: groups, label: null, type: 'point', tickSize: 0, padding: 0.6 },
      ...scalesOf(options.parts),
      marks: [
        Plot.gridX({ strokeOpacity: 0.14 }),
        Plot.ruleY(groups, { strokeOpacity: 0.1 }),
        Plot.ruleX(levels, { x: 'x', stroke: 'var(--faint)', strokeDasharray: '3,3' }),
        Plot.text(levels, {
          x: 'x',
          text: 'word',
          frameAnchor: 'top',
          dy: -12,
          fill: 'var(--muted)',
        }),
        Plot.ruleY(
          values.filter(({ low, high }) => low !== undefined && high !== undefined),
          {
            y: 'group',
            x1: 'low',
            x2: 'high',
            stroke: 'part',
            strokeWidth: 2.5,
            strokeOpacity: 0.5,
          },
        ),
        Plot.dot(titled(values), {
          x: 'value',
          y: 'group',
          stroke: 'part',
          fill: 'part',
          fillOpacity: 0.35,
          symbol: 'part',
          r: 4.5,
          title: 'title',
        }),
      ],
    },
    options.label,
    width,
  );
}
