import { expectAccurate, expectSameBits } from './compare';
import type { Operator, OutputArray, Parameters } from './operators';
import { algorithmsOf, bestIsa, call, describeOptions, isas, truthOf } from './operators';

/**
 * One row by every algorithm, on every instruction set: algorithms may differ within the bound, instruction sets not at
 * all. Gives the results by algorithm, and the largest distance from the truth.
 */
export function checkRow(
  line: Operator,
  x: Float32Array,
  parameters: Parameters,
  what: string,
): { results: OutputArray[]; distance: number } {
  const truth = truthOf(line, x, parameters);
  let distance = 0;
  const results = algorithmsOf(line).map((algorithm) => {
    const options = { ...parameters, ...algorithm };
    const where = `${what}, n ${x.length}, ${describeOptions(options)}`;
    const y = call(line, x, { ...options, isa: bestIsa });
    distance = Math.max(distance, expectAccurate(line, y, truth, where, x));
    for (const isa of isas.slice(1)) {
      expectSameBits(call(line, x, { ...options, isa }), y, `${where}, ${isa}`);
    }
    return y;
  });
  return { results, distance };
}
