/** Plays random cases until enough decisions were compared; the first that differs is made small, kept, and ends the run. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect } from 'vitest';
import { recordConformance } from '../support/conformance.ts';
import { judge, linesOf, type RealityCase } from './case.ts';
import { factsHere, performScenarios } from './performer.ts';
import { shrink } from './shrink.ts';

/** Cases whose operations are played at one start of the performer. */
const BATCH = 50;
const KEPT: string = fileURLToPath(new URL('../../.cache/reality/', import.meta.url));

export interface Comparison {
  readonly decisions: number;
  readonly unknown: number;
  readonly errnos: ReadonlyMap<string, number>;
  readonly kinds: ReadonlyMap<string, number>;
  /** `rename EXDEV` → how often. */
  readonly answers: ReadonlyMap<string, number>;
}

/** `UNROOT_REALITY_SEED` plays one run again, `UNROOT_REALITY_DECISIONS` makes it longer. */
export function compareMany(id: string, title: string, arbitrary: fc.Arbitrary<RealityCase>, decisions: number): Comparison {
  const given = process.env.UNROOT_REALITY_SEED;
  const first = given === undefined ? Date.now() % 0x7fffffff : Number(given);
  const errnos = new Map<string, number>();
  const kinds = new Map<string, number>();
  const answers = new Map<string, number>();
  const count = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);
  let made = 0;
  let unknown = 0;
  for (let seed = first; made < decisions; seed += 1) {
    const cases = fc.sample(arbitrary, { seed, numRuns: BATCH });
    const played = performScenarios(cases.map(linesOf));
    for (const [index, one] of cases.entries()) {
      const { results, trees } = played[index]!;
      const judgement = judge(one, results, undefined, undefined, trees);
      if (judgement.mismatch !== undefined) expect.fail(explain(id, one, judgement.mismatch, seed));
      for (const decision of judgement.decisions) {
        made += 1;
        if (!decision.known) unknown += 1;
        count(errnos, decision.real);
        count(kinds, decision.kind);
        count(answers, `${decision.kind} ${decision.real}`);
      }
    }
  }
  expect(unknown / made, 'the model declines too often').toBeLessThan(0.02);
  recordConformance({
    id,
    title,
    against: `Linux ${release().split('-')[0]}`,
    compared: made,
    mismatches: 0,
    unknown,
    counts: Object.fromEntries([...kinds, ...errnos]),
    seed: first,
    notes: [
      `fs.protected_* cannot be set for a test, they are the machine's: ${sysctls()}.`,
      'Each case has a root directory of its own, three of four on a tmpfs, one on the disk.',
    ],
  });
  return { decisions: made, unknown, errnos, kinds, answers };
}

function sysctls(): string {
  const { protectedRegular, protectedFifos, protectedHardlinks, protectedSymlinks } = factsHere();
  return `regular ${protectedRegular}, fifos ${protectedFifos}, hardlinks ${protectedHardlinks}, symlinks ${protectedSymlinks}`;
}

/** The small case, where it was kept, and how to see it again. */
function explain(id: string, one: RealityCase, mismatch: string, seed: number): string {
  const again = (candidate: RealityCase) => {
    const [played] = performScenarios([linesOf(candidate)]);
    return { played: played!, ...judge(candidate, played!.results, undefined, undefined, played!.trees) };
  };
  const small = shrink(one, (candidate) => again(candidate).mismatch !== undefined);
  const { played, mismatch: left = mismatch } = again(small);
  const file = join(KEPT, `${id}-${seed}.json`);
  mkdirSync(KEPT, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ title: '', ...small, expected: played.results }, undefined, 2)}\n`);
  return [
    left,
    `seed ${seed}: UNROOT_REALITY_SEED=${seed} npx vitest run test/reality/${id}.test.ts`,
    `shrunk from ${one.operations.length} operations on ${one.tree.length} files to ${small.operations.length} on ${small.tree.length}: ${file}`,
    'once model and kernel agree, give it a title and move it to test/reality/cases',
    JSON.stringify(small),
  ].join('\n');
}

/** Every one of these must have occurred, else the generator has become trivial without anybody noticing. */
export function expectAll(seen: ReadonlyMap<string, number>, wanted: readonly string[]): void {
  for (const one of wanted)
    expect(seen.get(one) ?? 0, `no decision was about ${one}: the generator looks at too little`).toBeGreaterThan(0);
}
