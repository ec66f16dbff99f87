/** One of the results that a job makes of every block: an operation, or what metrics need. */
import type { CheckedJob } from './job-options';
import type { JobOptions } from './job-types';
import { metricColumns, startMetrics } from './metrics-output';
import {
  requireColumns,
  scratchRowBytes,
  type ComputeBlock,
  type JobSetting,
  type Operation,
  type Request,
} from './operation';
import type { Column } from './table';

export interface Product {
  /** Undefined for metrics. */
  readonly operation: Operation | undefined;
  readonly request: Request;
  readonly columns: readonly Column[];
  /** Bytes of working memory that a row of a block needs beside its input and its result. */
  readonly scratch: number;
  readonly start: (setting: Omit<JobSetting, keyof Request>) => ComputeBlock;
}

/** In the order of the outputs, metrics last. */
export function productsOf(
  options: JobOptions,
  { outputs, policy, labelled }: CheckedJob,
  cols: number,
): Product[] {
  const products = outputs.map(({ operation, parameters: given, parts }): Product => {
    requireColumns(operation, cols, { parameters: given, parts });
    // Rows that are rejected get no result; until then they may not throw.
    const masks = policy === 'reject' && Object.hasOwn(operation.options, 'nan');
    const request = { parameters: masks ? { ...given, nan: 'masked' } : given, parts };
    return {
      operation,
      request,
      columns: operation.columns(cols, request),
      scratch: scratchRowBytes(operation, cols),
      start: (setting) => operation.start({ ...setting, ...request }),
    };
  });
  if (options.metrics === undefined) return products;
  const { temperature } = options.metrics;
  const own = temperature === undefined ? undefined : { temperature };
  const request: Request = { parameters: own ?? {}, parts: [] };
  return [
    ...products,
    {
      operation: undefined,
      request,
      columns: metricColumns(labelled),
      scratch: 0,
      start: (setting) => startMetrics({ ...setting, ...request }, labelled),
    },
  ];
}
