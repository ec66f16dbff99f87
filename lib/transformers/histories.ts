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
 * converted; a list that is another one, or has become shorter, is read anew.
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
    if (known === undefined || known.length > row.length || !endsAlike(known, row)) {
      known = { tokens: new Int32Array(row.length + ROOM), length: 0, prompt: row.length };
      this.known.set(row, known);
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

function endsAlike({ tokens, length }: Known, row: readonly bigint[]): boolean {
  return length === 0 || tokens[length - 1] === numberOf(row[length - 1]);
}

function numberOf(token: unknown): unknown {
  return typeof token === 'bigint' || types.isBigIntObject(token) ? Number(token) : token;
}
