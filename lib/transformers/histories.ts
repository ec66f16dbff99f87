/** The tokens so far as the sampler takes them. */
import { types } from 'node:util';
import { wrongType } from '../errors';
import { requireToken } from '../sampling/bias';
import type { InputIds } from './list';

interface Known {
  tokens: Int32Array;
  /** How many of the list are in `tokens`. */
  length: number;
  /** How many there were at first: the prompt. */
  readonly prompt: number;
}

/**
 * Of each list of tokens, an Int32Array. `generate()` appends to the same lists again and again, so only what is new is
 * converted. A list that is another one, has become shorter, or begins or ends otherwise, is read anew; one that has not
 * grown is read again, as somebody may have changed it in its place.
 */
export class Histories {
  private readonly known = new WeakMap<readonly bigint[], Known>();

  constructor(private readonly name: string) {}

  of(inputIds: InputIds): { history: Int32Array[]; prompts: number[] } {
    if (!Array.isArray(inputIds)) {
      throw wrongType(this.name, 'input_ids', 'an array of the tokens of each row', inputIds);
    }
    const rows = inputIds.map((row, i) => this.read(row, `input_ids[${i}]`));
    return {
      history: rows.map(({ tokens, length }) => tokens.subarray(0, length)),
      prompts: rows.map(({ prompt }) => prompt),
    };
  }

  private read(row: readonly bigint[], argument: string): Known {
    if (!Array.isArray(row)) throw wrongType(this.name, argument, 'an array of tokens', row);
    let known = this.known.get(row);
    if (known === undefined || known.length > row.length || !isBeginningOf(row, known)) {
      known = { tokens: new Int32Array(row.length + ROOM), length: 0, prompt: row.length };
      this.known.set(row, known);
    } else if (known.length === row.length) {
      known.length = 0;
    }
    if (known.tokens.length < row.length) {
      const larger = new Int32Array(2 * row.length);
      larger.set(known.tokens);
      known.tokens = larger;
    }
    for (let i = known.length; i < row.length; i++) {
      known.tokens[i] = requireToken(`${argument}[${i}]`, numberOf(row[i]), this.name);
    }
    known.length = row.length;
    return known;
  }
}

const ROOM = 256;

/** As far as its first and its last token tell. */
function isBeginningOf(row: readonly bigint[], { tokens, length }: Known): boolean {
  return [0, length - 1].every((i) => length === 0 || tokens[i] === numberOf(row[i]));
}

function numberOf(token: unknown): unknown {
  return typeof token === 'bigint' || types.isBigIntObject(token) ? Number(token) : token;
}
