/**
 * Calls that run on the addon's own threads. The promises are made here; native code knows tickets. What a pending call
 * reads was copied when it was made, or lies in a SharedArrayBuffer of fixed length, which cannot go away; its result
 * is copied into the output when it settles, after the output's length was looked at again.
 */
import { native } from './configure';
import { SoftlaneError } from './errors';
import type { InputArray, OperandArray, Operator, OutputArray } from './operator';
import { operandsOf } from './operator';
import type { Call } from './prepare';
import { prepare, verifyCall } from './prepare';
import { Status } from './spec';
import { statusError } from './status';
import type { PromiseOf } from './types';
import type { Check } from './verify';
import { verification } from './verify';

/** A checked call, by whatever made it. */
export interface Work {
  readonly spec: Float64Array;
  readonly x: InputArray;
  readonly y: OutputArray | undefined;
  readonly operands: (OperandArray | undefined)[] | undefined;
  readonly signal: AbortSignal | undefined;
  /** Lets go of the inputs, of which the addon holds what it needs. */
  letGo(): void;
  /** The error of a status other than OK. */
  error(status: number): Error;
  /** What the promise gives. */
  finish(): unknown;
}

interface Job {
  readonly work: Work;
  readonly check: Check | null;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** By ticket. */
const jobs = new Map<number, Job>();

// Tickets of one channel of the addon. Each copy of this module has channels of its own, so that two of them (a test
// runner's registries, say) never see each other's calls.
const CHANNEL_TICKETS = 2 ** 32;
let nextTicket = 0;
let lastTicket = 0;

function takeTicket(name: string): number {
  if (nextTicket === lastTicket) {
    const channel = native().onSettled(settled);
    if (channel === 0) throw new SoftlaneError('ERR_SOFTLANE_INTERNAL', noChannel(name));
    nextTicket = channel * CHANNEL_TICKETS;
    lastTicket = nextTicket + CHANNEL_TICKETS;
  }
  return nextTicket++;
}

function noChannel(name: string): string {
  return `${name}: expected the addon to accept asynchronous calls, received a refusal`;
}

/** The asynchronous twin of an operator's function. Arguments are checked at once; every error is a rejection. */
export function promised<F extends { readonly operator: Operator }>(immediate: F): PromiseOf<F> {
  const { operator } = immediate;
  const call = (x: unknown, options?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const call = prepare(operator, x, options, 'async');
      submit(operator.name, workOf(call), resolve, reject, () => verifyCall(call));
    });
  Object.defineProperty(call, 'name', { value: operator.name });
  return call as unknown as PromiseOf<F>;
}

export function workOf(call: Call): Work {
  const { spec, x, y, operands, signal, operator } = call;
  return {
    spec,
    x,
    y,
    operands,
    signal,
    letGo() {
      call.x = NO_INPUT;
      operandsOf(operator).forEach(({ role }, i) => {
        if (role === 'input' && operands) operands[i] = undefined;
      });
    },
    error: (status) => statusError(call, status),
    finish: () => call.finish(),
  };
}

/** How a call gets to the addon under its ticket; gives a status. */
type Start = (ticket: number, work: Work) => number;

const queue: Start = (ticket, { spec, x, y, operands }) =>
  native().submit(ticket, spec, x, y, ...(operands ?? []));

/** `verify`: the check of its results, for verify mode. */
export function submit(
  name: string,
  work: Work,
  resolve: Job['resolve'],
  reject: Job['reject'],
  verify: () => Check | null = () => null,
  start: Start = queue,
): void {
  const { signal } = work;
  if (signal?.aborted) throw signal.reason;
  const check = verification.share === 0 ? null : verify();
  const ticket = takeTicket(name);
  const watch = signal && watchSignal(signal, ticket);
  const status = start(ticket, work);
  if (status !== Status.OK) {
    if (signal) unwatchSignal(signal, ticket);
    throw work.error(status);
  }
  jobs.set(ticket, { work, check, resolve, reject });
  work.letGo();
  if (watch?.fired) native().abort(ticket);
}

const NO_INPUT = new Float32Array(0);

/** The pending calls of a signal. It has one listener however many they are: Node warns of more than ten. */
interface Watch {
  readonly tickets: Set<number>;
  readonly listener: () => void;
  fired: boolean;
}

const watches = new Map<AbortSignal, Watch>();

function watchSignal(signal: AbortSignal, ticket: number): Watch {
  let watch = watches.get(signal);
  if (watch === undefined) {
    const tickets = new Set<number>();
    const listener = (): void => {
      made.fired = true;
      for (const each of tickets) native().abort(each);
    };
    const made: Watch = { tickets, listener, fired: false };
    signal.addEventListener('abort', listener);
    watches.set(signal, made);
    watch = made;
  }
  watch.tickets.add(ticket);
  return watch;
}

function unwatchSignal(signal: AbortSignal, ticket: number): void {
  const watch = watches.get(signal);
  if (watch === undefined) return;
  watch.tickets.delete(ticket);
  if (watch.tickets.size > 0) return;
  watches.delete(signal);
  signal.removeEventListener('abort', watch.listener);
}

/** Called by the addon for each ticket, in the order in which the work ended. Must not throw. */
function settled(ticket: number, status: number): void {
  const job = jobs.get(ticket);
  if (job === undefined) return;
  jobs.delete(ticket);
  try {
    const { work, check } = job;
    const { signal, y, operands } = work;
    // Results are taken over first: a ticket that is not collected keeps its memory.
    const outcome =
      status === Status.OK ? native().collect(ticket, y, ...(operands ?? [])) : status;
    if (signal) unwatchSignal(signal, ticket);
    if (outcome === Status.ABORTED && signal !== undefined) throw signal.reason;
    if (outcome !== Status.OK) throw work.error(outcome);
    check?.(y!, operands);
    job.resolve(work.finish());
  } catch (error) {
    job.reject(error);
  }
}
