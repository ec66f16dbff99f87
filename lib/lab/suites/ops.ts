/** Any operator on any shapes, beside what a Node program would use without softlane and beside memory itself. */
import { readFileSync } from 'node:fs';
import { ruleValue } from '../../check';
import { UsageError } from '../../cli/failure';
import type { Operator, ParameterValue, Parameters } from '../../operator';
import { LabError } from '../failure';
import { known, list, orList, positive, refuse, shapeOf } from '../options';
import {
  LARGE,
  PRESETS,
  QUICK,
  USUAL,
  coldByDefault,
  parseShape,
  shapeName,
  type Shape,
} from '../shapes';
import { isasOf, operatorOf, paceOf, type LabFlags, type Setting, type Suite } from '../suite';
import type { Contender, Family, Kind } from '../task';

/** What `--contenders` takes; plug-ins come with `--rival`. */
export const OPS_KINDS = [
  'softlane',
  'exp',
  'plain-js',
  'onnxruntime',
  'tfjs',
  'memcpy',
  'read',
] as const satisfies readonly Kind[];

/** Up to here the cost of reading options is a part of a call that can be seen. */
const MOST_FOR_CALLS = 1024;

/** One ROWSxCOLS a line, or separated by commas; # starts a comment. */
export function parseShapeFile(path: string, text: string): Shape[] {
  const shapes = text.split('\n').flatMap((line, i) =>
    line
      .replace(/#.*/, '')
      .split(/[\s,]+/)
      .filter(Boolean)
      .map((word) => {
        const shape = parseShape(word);
        if (shape !== undefined) return shape;
        throw new LabError(
          `${path}: expected ROWSxCOLS in line ${i + 1}, received ${JSON.stringify(word.slice(0, 40))}`,
          'ERR_SOFTLANE_INPUT_SHAPES',
        );
      }),
  );
  if (shapes.length > 0) return shapes;
  throw new LabError(
    `${path}: expected at least one ROWSxCOLS, found none`,
    'ERR_SOFTLANE_INPUT_SHAPES',
  );
}

function readShapeFile(path: string): Shape[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'no such file, and no preset of that name' : `cannot be read (${code})`;
    throw new LabError(`${path}: ${why}`, 'ERR_SOFTLANE_INPUT_SHAPES');
  }
  return parseShapeFile(path, text);
}

/** A list of ROWSxCOLS and of presets, or a file of them. */
export function shapesOf({ shapes, quick = false, large = false }: LabFlags): Shape[] {
  const named = shapes === undefined ? (quick ? QUICK : USUAL) : list('shapes', shapes);
  const looksLikeFile = named.length === 1 && /[./\\]/.test(named[0]);
  const found = looksLikeFile
    ? readShapeFile(named[0])
    : named.flatMap((name) =>
        (PRESETS[name] ?? [name]).map((text) =>
          /^\d/.test(text) || text === ''
            ? shapeOf('shapes', text)
            : refuse(
                'shapes',
                `ROWSxCOLS, a file or a preset (${orList(Object.keys(PRESETS))})`,
                text,
              ),
        ),
      );
  const all = [...found, ...(large ? LARGE.map((text) => shapeOf('shapes', text)) : [])];
  return [...new Map(all.map((shape) => [shapeName(shape), shape])).values()];
}

/** The operator's own options from `--set name=value`. */
function optionsOf(line: Operator, settings: readonly string[] = []): Parameters {
  const entries = settings.map((text): [string, ParameterValue] => {
    const [name, ...rest] = text.split('=');
    const value = rest.join('=');
    const rule = Object.hasOwn(line.options, name) ? line.options[name] : undefined;
    if (rule === undefined || name === 'algorithm') {
      const names = Object.keys(line.options).filter((option) => option !== 'algorithm');
      const some = names.length > 0 ? `name=value with ${orList(names)}` : 'nothing';
      return refuse('set', `${some} (${line.name})`, text);
    }
    const typed =
      rule.kind === 'choice'
        ? (rule.values.find((known) => String(known) === value) ?? value)
        : value.trim() === ''
          ? value
          : Number(value);
    ruleValue('lab', `--set ${name}`, rule, typed);
    return [name, typed];
  });
  return Object.fromEntries(entries);
}

type Named = Omit<Contender, 'name'>;

/** The contenders of one shape, in the order of the table. */
export function expand(
  setting: Pick<Setting, 'flags' | 'has' | 'isas' | 'threads' | 'operators'>,
  { rows, cols }: Shape,
): Contender[] {
  const { flags, has, threads } = setting;
  const line = operatorOf(setting.operators, flags.op ?? 'softmax');
  const isas = isasOf(setting, flags.quick === true ? 1 : Infinity);
  const hasAlgorithms = Object.hasOwn(line.options, 'algorithm');
  if (flags.algorithms !== undefined && !hasAlgorithms) {
    throw new UsageError(
      `lab: ${line.name} has one algorithm, so --algorithms has nothing to choose`,
    );
  }
  const algorithms: (string | undefined)[] = !hasAlgorithms
    ? [undefined]
    : flags.algorithms === undefined
      ? [...has.algorithms]
      : known('algorithms', list('algorithms', flags.algorithms), has.algorithms);
  const kinds: readonly string[] =
    flags.contenders === undefined
      ? OPS_KINDS
      : known('contenders', list('contenders', flags.contenders), OPS_KINDS);

  const contenders: Contender[] = [];
  const add = (contender: Named, parts: (string | undefined)[]): void => {
    const suffix = [contender.threads > 1 && `${contender.threads}t`, contender.call && 'call'];
    const name = [...parts, ...suffix].filter(Boolean).join('/');
    contenders.push({ ...contender, name });
  };
  for (const kind of kinds) {
    for (const count of kind === 'softlane' || kind === 'onnxruntime' ? threads : [1]) {
      if (kind === 'softlane') {
        for (const isa of isas) {
          for (const algorithm of algorithms) {
            add({ kind, algorithm, isa, threads: count }, [kind, algorithm, isa]);
          }
        }
        if (rows * cols <= MOST_FOR_CALLS) {
          const [algorithm] = algorithms;
          const isa = isas[0];
          add({ kind, algorithm, isa, threads: count, call: true }, [kind, algorithm, isa]);
        }
      } else if (kind === 'exp') {
        for (const isa of isas) add({ kind, isa, threads: count }, [kind, isa]);
      } else {
        add({ kind: kind as Kind, threads: count }, [kind]);
      }
    }
  }
  for (const file of flags.rival ?? []) {
    const name = file
      .replace(/^.*[/\\]/, '')
      .replace(/\.[cm]?js$/, '')
      .replace(/\s/g, '-');
    add({ kind: 'plugin', threads: 1, file }, [name]);
  }
  return contenders;
}

/** The name of the contender that the others are compared with. */
export function baseOf(wanted: string | undefined, names: readonly string[]): string {
  if (wanted !== undefined) return known('base', [wanted], names)[0];
  return names.find((name) => name.startsWith('onnxruntime')) ?? names[0];
}

export function ops(setting: Setting): Suite {
  const { flags, has, pin } = setting;
  const line = operatorOf(setting.operators, flags.op ?? 'softmax');
  const shapes = shapesOf(flags);
  const { cold: wanted = 'auto' } = flags;
  if (!['auto', 'on', 'off'].includes(wanted)) refuse('cold', 'auto, on or off', wanted);
  const options = optionsOf(line, flags.set);
  const range = positive('range', flags.range ?? '10', 1e30);
  const entries = shapes.map((shape) => ({
    shape,
    cold: wanted === 'auto' ? coldByDefault(shape, has.cpu.caches.l2) : wanted === 'on',
    contenders: expand(setting, shape),
  }));
  const one = { rows: 1, cols: 1 };
  if (!shapes.some(({ rows, cols }) => rows * cols === 1)) {
    // What a call of a rival costs before it does any work.
    const rivals = expand(setting, one).filter(({ kind }) => kind === 'onnxruntime');
    if (rivals.length > 0) entries.unshift({ shape: one, cold: false, contenders: rivals });
  }
  const names = entries.flatMap(({ contenders }) => contenders.map(({ name }) => name));
  const base = baseOf(flags.base, [...new Set(names)]);
  return {
    families: entries.map(({ shape, cold, contenders }): Family => ({
      name: `${line.name}/${shapeName(shape)}`,
      part: 'shapes',
      op: line.name,
      options,
      shape,
      cold,
      range,
      contenders,
      base,
      pin,
    })),
    pace: paceOf(flags),
    remarks: [],
  };
}
