/**
 * The operators of `softlane` with promises: off the event loop, on the addon's own threads (libuv's stay free for the
 * file system). Worth it from about a hundred thousand elements on; below that the synchronous call is done sooner than
 * the promise.
 *
 * - **Memory.** `x` is copied when the call is made, and the result is copied into `out` when the promise settles, so
 *   both may be written, transferred or resized in between; an `out` that has become too short rejects. Arrays in a
 *   SharedArrayBuffer of fixed length are used as they are, without a copy: leave them alone until the promise settles.
 *   Growable SharedArrayBuffers and resizable ArrayBuffers are copied like any other.
 * - **Order.** Calls start in the order in which they were made, as many at a time as there are threads, and promises
 *   settle in the order in which the work ends, which may be another one. Results do not depend on it.
 * - **Abort.** With a `signal` that is aborted already nothing is queued. Later, work stops at the next block of rows (or
 *   range of a row of more than 2^20 elements), and the promise rejects with `signal.reason` once it has: nobody writes to
 *   `out` any more. What is in `out` is then unspecified. An abort before the promise settles always rejects it. What is
 *   not interrupted: the second look at one long row (`logSumExp` of a normalised row, `logSoftmax` of a row with a
 *   dominant element), about 15 ns an element, and one long row of a sampler, or of an operator that threads cannot share
 *   (`argMax`, masks and others, docs/threads.md), up to about 80. The end of a worker waits for the same points.
 * - **Errors.** Arguments are checked before the function returns, and every error is a rejection.
 */
import * as activation from './activation';
import { native } from './configure';
import * as decoding from './decoding';
import * as divergences from './divergence';
import * as ensemble from './ensemble';
import { promised } from './jobs';
import * as losses from './loss';
import * as masks from './masks';
import * as scores from './scores';
import * as select from './select';
import * as sets from './sets';
import * as softmaxes from './softmax';
import * as stats from './stats';
import * as norm from './norm';
import * as overlap from './overlap';
import * as variants from './variants';
import * as pooling from './pooling';

export type { Abortable, FloatPromise, IndexPromise, RecordPromise, RowPromise } from './types';

// One line per operator; its documentation is at the function of the same name in `softlane`.
export const softmax = promised(softmaxes.softmax);
export const logSoftmax = promised(softmaxes.logSoftmax);
export const logSumExp = promised(softmaxes.logSumExp);
export const argMax = promised(select.argMax);
export const topK = promised(select.topK);
export const silu = promised(activation.silu);
export const entropy = promised(scores.entropy);
export const maxProbability = promised(scores.maxProbability);
export const leastConfidence = promised(scores.leastConfidence);
export const margin = promised(scores.margin);
export const energy = promised(scores.energy);
export const maxLogit = promised(scores.maxLogit);
export const maxLogitPNorm = promised(scores.maxLogitPNorm);
export const gelu = promised(activation.gelu);
export const geluTanh = promised(activation.geluTanh);
export const dyt = promised(activation.dyt);
export const rowStats = promised(stats.rowStats);
export const crossEntropy = promised(losses.crossEntropy);
export const focalLoss = promised(losses.focalLoss);
export const compSumLoss = promised(losses.compSumLoss);
export const zLoss = promised(losses.zLoss);
export const klDivergence = promised(divergences.klDivergence);
export const nkdLoss = promised(divergences.nkdLoss);
export const ensembleKdLoss = promised(divergences.ensembleKdLoss);
export const ensembleStats = promised(ensemble.ensembleStats);
export const el2n = promised(losses.el2n);
export const zScoreLoss = promised(losses.zScoreLoss);
export const decoupledCrossEntropy = promised(sets.decoupledCrossEntropy);
export const setProbability = promised(sets.setProbability);
export const layerNorm = promised(norm.layerNorm);
export const rmsNorm = promised(norm.rmsNorm);
export const addLayerNorm = promised(norm.addLayerNorm);
export const addRmsNorm = promised(norm.addRmsNorm);
export const stableMax = promised(variants.stableMax);
export const sparsemax = promised(variants.sparsemax);
export const entmax15 = promised(variants.entmax15);
export const sparsemaxThreshold = promised(variants.sparsemaxThreshold);
export const entmax15Threshold = promised(variants.entmax15Threshold);
export const softpick = promised(variants.softpick);
export const selfAdjustSoftmax = promised(variants.selfAdjustSoftmax);
export const adaptiveTemperatureSoftmax = promised(variants.adaptiveTemperatureSoftmax);
export const topP = promised(masks.topP);
export const minP = promised(masks.minP);
export const typicalP = promised(masks.typicalP);
export const topNSigma = promised(masks.topNSigma);
export const epsilonCutoff = promised(masks.epsilonCutoff);
export const etaCutoff = promised(masks.etaCutoff);
export const quantileCutoff = promised(masks.quantileCutoff);
export const gumbelSoftmax = promised(decoding.gumbelSoftmax);
export const guidedLogits = promised(decoding.guidedLogits);
export const acceptanceLimit = promised(decoding.acceptanceLimit);
export const softPool = promised(pooling.softPool);
export const spladeMax = promised(pooling.spladeMax);
export const spladeSum = promised(pooling.spladeSum);
export const tverskyLoss = promised(overlap.tverskyLoss);
export const selfConsistency = promised(divergences.selfConsistency);

export { createAsyncSpeculator as createSpeculator } from './speculator';
export type {
  AsyncSpeculator,
  SpeculatorFilters,
  SpeculatorOptions,
  VerifyOptions,
  VerifyResult,
} from './speculator';
export { createAsyncSampler as createSampler } from './sampler';
export type { AsyncSampler, SampleOptions, SampleResult, SamplerOptions } from './sampler';

native();
