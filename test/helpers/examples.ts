import { inspect } from 'node:util';
import ts from 'typescript';

/** A block of code in a Markdown page. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Line of the page on which it begins. */
  readonly line: number;
}

export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  for (const match of page.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm)) {
    const line = page.slice(0, match.index).split('\n').length + 1;
    blocks.push({ language: match[1], text: match[2], line });
  }
  return blocks;
}

/** What the comments behind `console.log(...)` say that it prints, by line. */
export function promisedOutput(text: string): Map<number, string> {
  const promises = new Map<number, string>();
  text.split('\n').forEach((line, i) => {
    const comment = /^\s*console\.log\(.*\); \/\/ (.+)$/.exec(line);
    if (comment) promises.set(i, comment[1]);
  });
  return promises;
}

/** A program that does what the block does and prints, for each console.log, a JSON line of its line and its text. */
export function programOf(text: string): string {
  const numbered = text
    .split('\n')
    .map((line, i) => line.replaceAll('console.log(', `__print(${i}, `))
    .join('\n');
  const { outputText } = ts.transpileModule(numbered, {
    compilerOptions: { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 },
  });
  return `${outputText}
function __print(line, ...values) {
  const list = (value) => ArrayBuffer.isView(value) || Array.isArray(value);
  const text = (value) => (list(value) ? Array.from(value, text).join(', ') : Object.is(value, -0) ? '-0' : String(value));
  process.stdout.write(JSON.stringify([line, values.map(text).join(' ')]) + '\\n');
}
`;
}

const tokens = (text: string): string[] =>
  text
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/^'(.*)'$/, '$1'));

const isNumber = (word: string): boolean => /^-?(\d+(\.\d+)?(e-?\d+)?|Infinity)$|^NaN$/.test(word);

/** Whether a comment is nothing but numbers. */
export function isNumbers(comment: string): boolean {
  return tokens(comment).every(isNumber);
}

/** Why what was printed is not what the comment says, or undefined. Numbers count up to the digits of the comment. */
export function difference(printed: string, comment: string): string | undefined {
  const got = tokens(printed);
  const want = tokens(comment);
  const same = want.length === got.length && want.every((word, i) => matches(got[i], word));
  return same ? undefined : `printed ${inspect(printed)}, the comment says ${inspect(comment)}`;
}

function matches(got: string, want: string): boolean {
  if (!isNumber(want)) return got === want;
  if (!Number.isFinite(Number(want)) || Number(want) === 0)
    return Object.is(Number(got), Number(want));
  const digits = /\.(\d+)/.exec(want)?.[1].length ?? 0;
  return Math.abs(Number(got) - Number(want)) <= 0.5 * 10 ** -digits + 1e-12;
}
