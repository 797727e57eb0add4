/** Goes through a runtime's part of the table: every case is really started, a few at a time, then each is held against the model. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostFacts } from '../../src/launch/input.ts';
import type { Launch } from '../../src/launch/launch.ts';
import type { PlatformProfile } from '../../src/platform/platform.ts';
import { recordConformance } from '../support/conformance.ts';
import { type IdentityCase, REFUSED, type Runtime, STARTED } from './identity-cases.ts';
import { compare, type Observed, predicted } from './identity-compare.ts';
import { buildImages, type IdentityImage, type ImageSet } from './identity-image.ts';

export interface IdentityRuntime {
  /** `podman 4.3.1 with runc 1.1.5`. */
  readonly version: string;
  readonly profile: PlatformProfile;
  readonly host: HostFacts;
  run(one: IdentityCase, image: IdentityImage): Promise<Observed>;
  stop(): Promise<void>;
}

export interface IdentitySuite {
  readonly runtime: Runtime;
  /** Whose cases it goes through besides. */
  readonly also?: Runtime;
  readonly title: string;
  /** What is missing here; the suite is skipped then. */
  readonly lacking: string | undefined;
  readonly atOnce: number;
  start(images: ImageSet, folder: string): Promise<IdentityRuntime>;
  /** Nothing is started: `run` answers from a record. */
  readonly recorded?: boolean;
  /** Everything was run; what each case made of it. */
  finished?(runtime: IdentityRuntime, observed: Readonly<Record<string, Observed>>): void;
  /** More tests on the same runtime. */
  more?(running: () => Running): void;
}

export interface Running {
  readonly runtime: IdentityRuntime;
  readonly images: ImageSet;
  /** What the model says of the cases that start, by their names. */
  readonly launches: ReadonlyMap<string, Launch>;
}

export function identitySuite(suite: IdentitySuite): void {
  const id = suite.runtime;
  if (suite.lacking !== undefined) console.warn(`SKIPPED test/reality/launch-${id}.test.ts: ${suite.lacking}`);
  const mine = [...STARTED, ...REFUSED].filter((one) => one.on.some((name) => name === suite.runtime || name === suite.also));

  describe.skipIf(suite.lacking !== undefined)(suite.title, () => {
    const folder = mkdtempSync(join(tmpdir(), `unroot-identity-${id}-`));
    const seen = new Map<IdentityCase, Observed | Error>();
    const launches = new Map<string, Launch>();
    let images: ImageSet;
    let runtime: IdentityRuntime | undefined;
    let [fields, combinations, unknown] = [0, 0, 0];

    beforeAll(async () => {
      images = buildImages(folder, `unroot-identity-${process.pid}`, mine, suite.recorded !== true);
      const started = await suite.start(images, folder);
      runtime = started;
      await atOnce(suite.atOnce, mine, async (one) => {
        seen.set(one, await started.run(one, images.imageOf(one)).catch((error: unknown) => error as Error));
      });
      if ([...seen.values()].some((told) => told instanceof Error)) return;
      suite.finished?.(started, Object.fromEntries(mine.map((one) => [one.name, seen.get(one) as Observed])));
    });
    afterAll(async () => {
      await runtime?.stop();
      rmSync(folder, { recursive: true, force: true });
      if (runtime === undefined || combinations !== mine.length) return;
      recordConformance({
        id: `identity-${id}`,
        title: `launch/ for ${runtime.profile.name} (${runtime.profile.versions}), read from inside the container`,
        against: runtime.version,
        compared: fields,
        mismatches: 0,
        unknown,
        counts: {
          combinations,
          'that start': launches.size,
          'that are refused': combinations - launches.size,
          fields,
        },
      });
    });

    it.each(mine.map((one) => ({ title: `${one.refused === true ? 'refuses: ' : ''}${one.name}`, one })))('$title', ({ one }) => {
      const observed = seen.get(one);
      if (observed === undefined || runtime === undefined) throw new Error('it was not run');
      if (observed instanceof Error) throw observed;
      const image = images.imageOf(one);
      const outcome = predicted(one, image, runtime.profile, runtime.host);
      const { said, seen: told, unknown: declined } = compare(outcome, image, observed);
      expect(told).toEqual(said);
      if (one.refused !== 'by-some-hosts') expect(outcome.kind).toBe(one.refused === true ? 'refusal' : 'launch');
      if (outcome.kind === 'launch') launches.set(one.name, outcome);
      combinations += 1;
      fields += Object.keys(said).length;
      unknown += declined.length;
    });

    it('names are used once, and there are enough of them', () => {
      const names = mine.map((one) => one.name);
      expect(new Set(names).size).toBe(names.length);
      expect(names.length).toBeGreaterThan(150);
    });

    suite.more?.(() => ({ runtime: runtime as IdentityRuntime, images, launches }));
  });
}

/** Runs the work on every item, `limit` at a time. */
export async function atOnce<T>(limit: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
