/**
 * A parser for the part of Python's literal syntax that .npy headers are written in: dictionaries, lists, tuples,
 * strings, integers, floats, True, False and None. It evaluates nothing and takes time linear in the text.
 */

export type Literal =
  | string
  | bigint
  | number
  | boolean
  | null
  | readonly Literal[]
  | LiteralTuple
  | ReadonlyMap<string, Literal>;

export class LiteralTuple {
  constructor(readonly items: readonly Literal[]) {}
}

export class LiteralSyntaxError extends Error {}

/** Deeper nesting than any header has; it keeps hostile text from overflowing the stack. */
const maxDepth = 32;
/** No dimension needs more; a longer run of digits is refused before it is converted. */
const maxDigits = 400;

const names: ReadonlyMap<string, Literal> = new Map<string, Literal>([
  ['True', true],
  ['False', false],
  ['None', null],
]);

const escapes: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

const hexEscapes: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

export function parseLiteral(text: string): Literal {
  return new Parser(text).whole();
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  whole(): Literal {
    const value = this.value(0);
    this.space();
    if (this.at < this.text.length) this.fail('the end');
    return value;
  }

  private value(depth: number): Literal {
    if (depth > maxDepth) this.fail(`at most ${maxDepth} levels of nesting`);
    this.space();
    const start = this.peek();
    if (start === '{') return this.dictionary(depth);
    if (start === '[') return this.items(']', depth).items;
    if (start === '(') {
      const { items, comma } = this.items(')', depth);
      // Parentheses round a single value without a comma only group, as in Python.
      return items.length === 1 && !comma ? items[0]! : new LiteralTuple(items);
    }
    if (start === "'" || start === '"') return this.string();
    if (/[uU]/.test(start) && /['"]/.test(this.text[this.at + 1] ?? '')) {
      this.at++;
      return this.string();
    }
    if (/[-+.\d]/.test(start)) return this.number();
    const name = this.match(/[A-Za-z_]\w*/y);
    const value = name === undefined ? undefined : names.get(name);
    if (value === undefined) {
      if (name !== undefined) this.at -= name.length;
      this.fail('a value');
    }
    return value;
  }

  private dictionary(depth: number): ReadonlyMap<string, Literal> {
    const entries = new Map<string, Literal>();
    this.at++;
    for (;;) {
      this.space();
      if (this.take('}')) return entries;
      const keyAt = this.at;
      const key = this.value(depth + 1);
      if (typeof key !== 'string' || entries.has(key)) {
        this.at = keyAt;
        this.fail(typeof key === 'string' ? 'each key once' : 'a key in quotes');
      }
      this.space();
      if (!this.take(':')) this.fail("':'");
      entries.set(key, this.value(depth + 1));
      this.space();
      if (!this.take(',') && this.peek() !== '}') this.fail("',' or '}'");
    }
  }

  private items(close: string, depth: number): { items: Literal[]; comma: boolean } {
    const items: Literal[] = [];
    let comma = false;
    this.at++;
    for (;;) {
      this.space();
      if (this.take(close)) return { items, comma };
      items.push(this.value(depth + 1));
      this.space();
      comma = this.take(',');
      if (!comma && this.peek() !== close) this.fail(`',' or '${close}'`);
    }
  }

  private string(): string {
    const quote = this.text[this.at++]!;
    let value = '';
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined || char === '\n' || char === '\r') this.fail(`a closing ${quote}`);
      this.at++;
      if (char === quote) return value;
      value += char === '\\' ? this.escape() : char;
    }
  }

  private escape(): string {
    const kind = this.text[this.at] ?? '';
    const simple = escapes.get(kind);
    const digits = hexEscapes.get(kind) ?? 0;
    if (simple === undefined && digits === 0) this.fail('a known escape after \\');
    this.at++;
    if (simple !== undefined) return simple;
    const hex = this.text.slice(this.at, this.at + digits);
    const point = Number.parseInt(hex, 16);
    if (hex.length < digits || !/^[\dA-Fa-f]+$/.test(hex) || point > 0x10ffff) {
      this.fail(`${digits} hexadecimal digits of a character`);
    }
    this.at += digits;
    return String.fromCodePoint(point);
  }

  private number(): bigint | number {
    const start = this.at;
    const text = this.match(/[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y) ?? '';
    // Python 2 wrote long integers as 3L.
    const long = /^[-+]?\d+$/.test(text) && this.take('L');
    const octal = /^[-+]?0+[1-9]\d*$/.test(text);
    if (text === '' || octal || text.length > maxDigits || /\w/.test(this.peek())) {
      this.at = start;
      this.fail('a decimal number');
    }
    if (/[.eE]/.test(text) && !long) return Number(text);
    return BigInt(text.replace(/^\+/, ''));
  }

  private space(): void {
    this.match(/[ \t\n\r\f]*/y);
  }

  private peek(): string {
    return this.text[this.at] ?? '';
  }

  private take(char: string): boolean {
    if (this.text[this.at] !== char) return false;
    this.at++;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private fail(expected: string): never {
    const rest = this.text.slice(this.at, this.at + 12);
    const found = rest === '' ? 'the text ended' : `found ${JSON.stringify(rest)}`;
    throw new LiteralSyntaxError(`expected ${expected} at character ${this.at}, ${found}`);
  }
}
