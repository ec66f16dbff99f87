import type { Capabilities } from '../capabilities';
import { SoftlaneFileError } from '../score/errors';
import type { Entry } from '../score/format';
import { inspect, locate, openSource } from '../score/inputs';
import { visible } from './failure';
import { bytesText, countText, print, table } from './output';

/** `softlane info FILE`. */
export async function runFileInfo(file: string, json: boolean): Promise<void> {
  const seen = await describeFile(file);
  print(json ? JSON.stringify(seen, null, 2) : fileText(seen));
}

interface FileFacts {
  readonly path: string;
  readonly format: string;
  readonly fileBytes: number;
  readonly entries: readonly Entry[];
  /** What `score` would read; null where it refuses. */
  readonly rows: number | null;
  readonly cols: number | null;
  readonly scorable: boolean;
  readonly refusal: { readonly code: string; readonly message: string } | null;
}

async function describeFile(file: string): Promise<FileFacts> {
  const located = locate(file);
  const { format, bytes, entries } = await inspect(located);
  const facts = { path: file, format: format.name, fileBytes: bytes, entries };
  try {
    const { source } = await openSource(located, { element: 'float32' });
    const { rows = null, cols } = source;
    await source.close();
    return { ...facts, rows, cols, scorable: true, refusal: null };
  } catch (error) {
    if (!(error instanceof SoftlaneFileError)) throw error;
    const refusal = { code: error.code, message: error.message };
    return { ...facts, rows: null, cols: null, scorable: false, refusal };
  }
}

function fileText({ path, format, fileBytes, entries, rows, cols, refusal }: FileFacts): string {
  const shown = entries.map(({ name, holds, shape }) => {
    const text = `(${shape.map((length) => length ?? '?').join(', ')}${shape.length === 1 ? ',' : ''})`;
    return [name === '' ? 'holds' : visible(name), `${visible(holds)} ${text}`];
  });
  const count = rows === null ? 'rows' : `${countText(rows)} rows`;
  return table([
    ['file', visible(path)],
    ['format', format],
    ['size', bytesText(fileBytes)],
    ...shown,
    [
      'score',
      refusal === null
        ? `yes: ${count} of ${countText(cols ?? 0)}`
        : `no: ${visible(refusal.message)}`,
    ],
  ]);
}

/** `softlane info`: loads the addon. */
export async function runMachineInfo(json: boolean): Promise<void> {
  const { capabilities } = await import('../capabilities.js');
  const facts = capabilities();
  print(json ? JSON.stringify({ ...facts, node: process.version }, null, 2) : machineText(facts));
}

function machineText(facts: Capabilities): string {
  const { cpu } = facts;
  const size = (bytes: number): string => (bytes === 0 ? 'unknown' : bytesText(bytes));
  const { l1d, l2, l3 } = cpu.caches;
  const isas = facts.isas.map(({ name, supported }) => (supported ? name : `${name} (not here)`));
  const quota = cpu.quota === null ? '' : `, a quota of ${cpu.quota}`;
  return table([
    ['softlane', facts.version],
    ['node', process.version],
    ['platform', `${facts.platform} ${facts.arch}`],
    ['cpu', cpu.brand || cpu.vendor || 'unknown'],
    ['features', cpu.features.join(' ') || '-'],
    ['caches', `L1d ${size(l1d)}, L2 ${size(l2)}, L3 ${size(l3)}`],
    ['cpus', `${cpu.allowed} allowed${quota}`],
    ['isa', `${facts.isa} (${facts.isaReason})`],
    ['isas', isas.join(', ')],
    ['threads', `${facts.threads} (${facts.threadsReason})`],
    ['algorithms', facts.algorithms.join(', ')],
  ]);
}
