/** Tasks for a script of test/fixtures that drives a package in a process of its own: in a test's realm it fails. */
import { expect } from '@jest/globals';
import { runFixture } from './child';

export interface Outcome<T> {
  readonly value: T;
  readonly error?: { readonly name: string; readonly code?: string; readonly message: string };
}

export async function runTasks<T>(
  file: string,
  tasks: Readonly<Record<string, object>>,
): Promise<Readonly<Record<string, Outcome<T>>>> {
  const { code, stdout, stderr } = await runFixture(file, [JSON.stringify(Object.values(tasks))]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const outcomes = JSON.parse(stdout) as Outcome<T>[];
  return Object.fromEntries(Object.keys(tasks).map((name, i) => [name, outcomes[i]]));
}
