// @ts-check
/** Plain JavaScript as a careful programmer writes it: typed arrays, sums in double, one loop a pass. */

export function layerNorm(
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ cols,
  /** @type {Float32Array} */ weight,
  /** @type {Float32Array} */ bias,
) {
  for (let start = 0; start < x.length; start += cols) {
    let sum = 0;
    for (let i = start; i < start + cols; i++) sum += x[i];
    const mean = sum / cols;
    let squares = 0;
    for (let i = start; i < start + cols; i++) squares += (x[i] - mean) * (x[i] - mean);
    const scale = 1 / Math.sqrt(squares / cols + 1e-5);
    for (let j = 0; j < cols; j++)
      y[start + j] = (x[start + j] - mean) * scale * weight[j] + bias[j];
  }
}

export function rmsNorm(
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ cols,
  /** @type {Float32Array} */ weight,
) {
  for (let start = 0; start < x.length; start += cols) {
    let squares = 0;
    for (let i = start; i < start + cols; i++) squares += x[i] * x[i];
    const scale = 1 / Math.sqrt(squares / cols + 1e-5);
    for (let j = 0; j < cols; j++) y[start + j] = x[start + j] * scale * weight[j];
  }
}

export function addLayerNorm(
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ residual,
  /** @type {Float32Array} */ y,
  /** @type {number} */ cols,
  /** @type {Float32Array} */ weight,
  /** @type {Float32Array} */ bias,
) {
  for (let i = 0; i < x.length; i++) y[i] = x[i] + residual[i];
  layerNorm(y, y, cols, weight, bias);
}

/** Windows of 2 x 2 of channels of height x width. */
export function softPool(
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ channels,
  /** @type {number} */ height,
  /** @type {number} */ width,
) {
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < height; i += 2) {
      for (let j = 0; j < width; j += 2) {
        const corner = (c * height + i) * width + j;
        const [p, q] = [corner, corner + width];
        const max = Math.max(x[p], x[p + 1], x[q], x[q + 1]);
        const [a, b, d, e] = [
          Math.exp(x[p] - max),
          Math.exp(x[p + 1] - max),
          Math.exp(x[q] - max),
          Math.exp(x[q + 1] - max),
        ];
        y[at++] = (a * x[p] + b * x[p + 1] + d * x[q] + e * x[q + 1]) / (a + b + d + e);
      }
    }
  }
}

export function spladeMax(
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ words,
) {
  y.fill(0);
  for (let start = 0; start < x.length; start += words) {
    for (let j = 0; j < words; j++) if (x[start + j] > y[j]) y[j] = x[start + j];
  }
  for (let j = 0; j < words; j++) y[j] = Math.log1p(y[j]);
}

export function spladeSum(
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ words,
) {
  y.fill(0);
  for (let start = 0; start < x.length; start += words) {
    for (let j = 0; j < words; j++) if (x[start + j] > 0) y[j] += Math.log1p(x[start + j]);
  }
}

function largest(/** @type {Float32Array} */ x) {
  let max = -Infinity;
  for (let i = 0; i < x.length; i++) if (x[i] > max) max = x[i];
  return max;
}

function probabilities(/** @type {Float32Array} */ x) {
  const max = largest(x);
  const p = new Float64Array(x.length);
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += p[i] = Math.exp(x[i] - max);
  for (let i = 0; i < x.length; i++) p[i] /= sum;
  return p;
}

/** Keeps what is best by `key`, smallest first, until it has p of the mass. */
function keepMass(
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {Float64Array} */ mass,
  /** @type {ArrayLike<number>} */ key,
  /** @type {number} */ p,
) {
  const order = Uint32Array.from(x.keys()).sort((a, b) => key[a] - key[b] || a - b);
  y.fill(-Infinity);
  let sum = 0;
  for (const i of order) {
    y[i] = x[i];
    sum += mass[i];
    if (sum >= p) break;
  }
}

/** Runs one row after the other. */
function each(
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ cols,
  /** @type {(x: Float32Array, y: Float32Array) => void} */ run,
) {
  for (let start = 0; start < x.length; start += cols) {
    run(x.subarray(start, start + cols), y.subarray(start, start + cols));
  }
}

export const topP = (
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ cols,
  /** @type {number} */ p,
) =>
  each(x, y, cols, (row, out) => {
    const mass = probabilities(row);
    keepMass(
      row,
      out,
      mass,
      mass.map((v) => -v),
      p,
    );
  });

export const typicalP = (
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ cols,
  /** @type {number} */ p,
) =>
  each(x, y, cols, (row, out) => {
    const mass = probabilities(row);
    let entropy = 0;
    for (const v of mass) if (v > 0) entropy -= v * Math.log(v);
    keepMass(
      row,
      out,
      mass,
      mass.map((v) => Math.abs(-Math.log(v) - entropy)),
      p,
    );
  });

export const minP = (
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ cols,
  /** @type {number} */ p,
) =>
  each(x, y, cols, (row, out) => {
    const least = largest(row) + Math.log(p);
    for (let i = 0; i < row.length; i++) out[i] = row[i] >= least ? row[i] : -Infinity;
  });

export const topNSigma = (
  /** @type {Float32Array} */ x,
  /** @type {Float32Array} */ y,
  /** @type {number} */ cols,
  /** @type {number} */ n,
) =>
  each(x, y, cols, (row, out) => {
    let sum = 0;
    for (let i = 0; i < row.length; i++) sum += row[i];
    const mean = sum / row.length;
    let squares = 0;
    for (let i = 0; i < row.length; i++) squares += (row[i] - mean) * (row[i] - mean);
    const least = largest(row) - n * Math.sqrt(squares / row.length);
    for (let i = 0; i < row.length; i++) out[i] = row[i] >= least ? row[i] : -Infinity;
  });

/** Speculative sampling: tokens up to the first that is rejected, and one drawn from what the target has beyond the draft. */
export function verify(
  /** @type {Float32Array} */ target,
  /** @type {Float32Array} */ draft,
  /** @type {Int32Array} */ tokens,
  /** @type {number} */ cols,
) {
  for (let row = 0; row < tokens.length; row++) {
    const p = probabilities(target.subarray(row * cols, (row + 1) * cols));
    const q = probabilities(draft.subarray(row * cols, (row + 1) * cols));
    const token = tokens[row];
    if (Math.random() * q[token] <= p[token]) continue;
    for (let i = 0; i < cols; i++) p[i] = Math.max(0, p[i] - q[i]);
    return [row, drawn(p)];
  }
  return [tokens.length, drawn(probabilities(target.subarray(tokens.length * cols)))];
}

function drawn(/** @type {Float64Array} */ weights) {
  let left = Math.random() * weights.reduce((sum, v) => sum + v, 0);
  for (let i = 0; i < weights.length; i++) if ((left -= weights[i]) <= 0) return i;
  return weights.length - 1;
}
