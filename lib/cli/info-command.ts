import type { Capabilities } from '../capabilities';
import { describeDescr } from '../score/npy-dtype';
import { shapeText } from '../score/npy-header';
import { inspectNpy, type NpyInspection } from '../score/npy-reader';
import { visible } from './failure';
import { bytesText, countText, print, table } from './output';

/** `softlane info FILE.npy`. */
export async function runFileInfo(file: string, json: boolean): Promise<void> {
  const seen = await inspectNpy(file);
  print(json ? JSON.stringify(fileData(seen), null, 2) : fileText(seen));
}

function fileData({ refusal, ...seen }: NpyInspection): object {
  return {
    path: seen.path,
    format: 'npy',
    version: seen.version,
    descr: seen.descr,
    fortranOrder: seen.fortranOrder,
    shape: seen.shape,
    elements: seen.elements,
    fileBytes: seen.fileBytes,
    dataOffset: seen.dataOffset,
    dataBytes: seen.fileBytes - seen.dataOffset,
    scorable: refusal === undefined,
    refusal: refusal === undefined ? null : { code: refusal.code, message: refusal.message },
  };
}

function fileText({ refusal, ...seen }: NpyInspection): string {
  return table([
    ['file', visible(seen.path)],
    ['format', `.npy ${seen.version}`],
    ['holds', visible(describeDescr(seen.descr))],
    ['shape', `${shapeText(seen.shape)} in ${seen.fortranOrder ? 'Fortran' : 'C'} order`],
    ['elements', countText(seen.elements)],
    ['size', `${bytesText(seen.fileBytes)}, data from byte ${seen.dataOffset}`],
    ['score', refusal === undefined ? 'yes' : `no: ${visible(refusal.message)}`],
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
