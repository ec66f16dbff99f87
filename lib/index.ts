/**
 * softlane: row operators for the last mile of inference on the CPU, synchronous. The same names with promises are in
 * `softlane/promises`.
 */
import { native } from './configure';

// The operators, a family a line.
export * from './activation';
export * from './divergence';
export * from './ensemble';
export * from './loss';
export * from './scores';
export * from './select';
export * from './sets';
export * from './softmax';
export * from './stats';
export * from './norm';
export * from './overlap';
export * from './variants';
export * from './masks';
export * from './decoding';
export * from './pooling';

export type { ColumnInputs } from './columns';
export { aupr, auroc, calibration, fitTemperature, riskCoverage } from './calibration';
export type {
  Calibration,
  CalibrationOptions,
  FitTemperatureOptions,
  ReliabilityBin,
  RiskCoverage,
} from './calibration';
export { fitMahalanobis, mahalanobis } from './mahalanobis';
export type {
  FitMahalanobisOptions,
  Mahalanobis,
  MahalanobisOptions,
  MahalanobisRun,
  MahalanobisScores,
} from './mahalanobis';
export { perplexity } from './perplexity';
export type { Perplexity, PerplexityOptions } from './perplexity';
export { LogSumExpState, logSumExpState } from './state';
export type { LogSumExpPair, LogSumExpStateJson, LogSumExpStateOptions } from './state';
export { mergeRowStats } from './merge-stats';
export type { MergeRowStatsOptions, MergeableStatistic } from './merge-stats';
export { CrossEntropyState, crossEntropyState } from './sharded';
export type { CrossEntropyStateJson, CrossEntropyStateOptions } from './sharded';
export { createSampler } from './sampler';
export type { SampleOptions, SampleResult, Sampler, SamplerOptions, SamplerStep } from './sampler';
export { createSpeculator } from './speculator';
export type {
  Speculator,
  SpeculatorFilters,
  SpeculatorOptions,
  VerifyOptions,
  VerifyResult,
} from './speculator';
export { createEntropySwitch } from './entropy-switch';
export type { EntropySwitch, EntropySwitchOptions, SwitchOptions } from './entropy-switch';
export { allocate } from './allocate';
export { plan } from './plan';
export type { Plan, PlanOptions } from './plan';
export { capabilities } from './capabilities';
export type { Capabilities } from './capabilities';
export { configure } from './configure';
export type { Configuration } from './configure';
export { catalogue } from './catalogue';
export type { Operator, OperatorName } from './catalogue';
export { SoftlaneError, SoftlaneRangeError, SoftlaneTypeError } from './errors';
export type { ErrorCode } from './errors';
export { SoftlaneVerifyError } from './verify';
export type { Mismatch } from './verify';
export type { WindowOptions } from './layout';
export type { TensorLike, TensorOf } from './tensor';
export type {
  AnyInput,
  CallOptions,
  Described,
  DrawOptions,
  Float16Like,
  Float32Output,
  Float32Result,
  FloatCall,
  FloatInput,
  FloatOutput,
  IndexCall,
  Int32Output,
  Int32Result,
  NumberFormat,
  PartsOutput,
  RecordCall,
  RowCall,
  RowOptions,
  RunOptions,
  Uint16Result,
} from './types';

// A missing binary or a wrong SOFTLANE_... variable is an error here, at start-up, not in the first call.
native();
