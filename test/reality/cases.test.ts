/**
 * Small cases that model and kernel once disagreed on, or that show one rule: what the kernel answered is kept, so that the model can be
 * held to it anywhere; where the kernel is at hand it is asked again. `UNROOT_REALITY_WRITE=1` puts its answers into cases that have none.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { KernelFacts } from '../../src/linux/decision.ts';
import { EVERY_CAPABILITY, judge, linesOf, type RealityCase } from './case.ts';
import { factsHere, missingHere, performScenarios } from './performer.ts';

interface KeptCase extends RealityCase {
  readonly title: string;
  /** An errno's name or OK for each operation. */
  readonly expected: readonly string[];
}

const FOLDER: string = fileURLToPath(new URL('./cases/', import.meta.url));
const cases = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => ({ file, one: JSON.parse(readFileSync(FOLDER + file, 'utf8')) as KeptCase }));

const missing = missingHere();
if (missing !== undefined) console.warn(`SKIPPED test/reality/cases.test.ts, against the kernel: ${missing}`);

/** What no case depends on unless it says so. */
const FACTS: KernelFacts = {
  unprivilegedPortStart: 1024,
  pingGroupRange: [1, 0],
  protectedRegular: 0,
  protectedFifos: 0,
  protectedHardlinks: 0,
  protectedSymlinks: 0,
};

if (process.env.UNROOT_REALITY_WRITE === '1' && missing === undefined) {
  for (const { file, one } of cases) {
    if (one.expected !== undefined) continue;
    const [{ results } = { results: [] }] = performScenarios([linesOf(one)]);
    Object.assign(one, { expected: results });
    writeFileSync(FOLDER + file, `${JSON.stringify(one, undefined, 2)}\n`);
  }
}

describe('the model answers as the kernel did', () => {
  test.each(cases.map(({ file, one }) => [one.title, file, one] as const))('%s', (_, file, one) => {
    expect(one.title, file).toMatch(/\S/);
    expect(one.expected, file).toHaveLength(one.operations.length);
    const { mismatch, decisions } = judge(one, one.expected, EVERY_CAPABILITY, FACTS);
    expect(mismatch, file).toBeUndefined();
    expect(decisions, file).toHaveLength(one.operations.length);
  });
});

describe.skipIf(missing !== undefined)('this kernel answers the same', () => {
  const here = missing === undefined ? factsHere() : FACTS;
  for (const { file, one } of cases) {
    const lacking = Object.entries(one.facts ?? {}).filter(([name, value]) => here[name as keyof KernelFacts] !== value);
    const why = lacking.map(([name, value]) => `${name}=${value}`).join(', ');
    if (why !== '') console.warn(`SKIPPED test/reality/cases/${file}, against the kernel: this machine has not ${why}`);
    test.skipIf(why !== '')(one.title, () => {
      const [played] = performScenarios([linesOf(one)]);
      expect(played?.results, file).toEqual(one.expected);
      expect(judge(one, one.expected, undefined, here, played?.trees).mismatch, file).toBeUndefined();
    });
  }
});
