/** Upstream's own manifests, when ../shared is beside the checkout: what is under pass/ passes at its level and version, what is under fail/ fails by the control it is named after. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { evaluate } from '../src/pod-security/evaluate.ts';
import { parseLevelVersion } from '../src/pod-security/level.ts';
import { podIn } from '../src/pod-security/pod-template.ts';
import { readPod } from '../src/pod-security/read-pod.ts';
import { servedPod } from '../src/pod-security/served-pod.ts';
import type { PodSecurityReport } from '../src/report/report.ts';
import { unroot } from './support/cli.ts';
import { recordConformance } from './support/conformance.ts';

const folder: string = fileURLToPath(new URL('../../shared/fixtures/pod-security/', import.meta.url));
const there = existsSync(folder);
if (!there) console.warn(`SKIPPED: upstream's Pod Security manifests are not at ${folder}`);

interface Fixture {
  readonly policy: string;
  readonly passes: boolean;
  readonly name: string;
  readonly file: string;
}

const list = (path: string): readonly string[] => (existsSync(path) ? readdirSync(path) : []);

const fixtures: readonly Fixture[] = ['baseline', 'restricted'].flatMap((level) =>
  list(join(folder, level)).flatMap((version) =>
    ['pass', 'fail'].flatMap((outcome) =>
      list(join(folder, level, version, outcome))
        .filter((name) => name.endsWith('.yaml'))
        .map((name) => ({
          policy: `${level}:${version}`,
          passes: outcome === 'pass',
          name: name.replace(/\d*\.yaml$/, ''),
          file: join(folder, level, version, outcome, name),
        })),
    ),
  ),
);

/** `capabilities_restricted` → `capabilities_restricted`, in lower case as the files are named; the control may stand in for one of baseline. */
const family = (id: string): string => id.toLowerCase().replace(/_(?:baseline|restricted)$/, '');

describe.skipIf(!there)("upstream's manifests", () => {
  it('are there, for the oldest and the newest version', () => {
    const policies = new Set(fixtures.map(({ policy }) => policy));
    for (const policy of ['baseline:v1.0', 'restricted:v1.0', 'baseline:v1.37', 'restricted:v1.37'])
      expect(policies).toContain(policy);
  });

  it('pass and fail as their folders say, by the control in their name', () => {
    const wrong: string[] = [];
    for (const { policy, passes, name, file } of fixtures) {
      const held = podIn(parse(readFileSync(file, 'utf8')));
      const { pod, problems } = readPod(held?.pod);
      const failed = evaluate(servedPod(pod, false), parseLevelVersion(policy)).map(({ control }) => family(control.id));
      const wanted = name === 'hostpathvolumes' && policy.startsWith('restricted') ? 'restrictedvolumes' : family(name);
      const right = problems.length === 0 && (passes ? failed.length === 0 : failed.includes(wanted));
      if (!right) wrong.push(`${file}: fails ${failed.join(', ') || 'nothing'}`);
    }
    expect(wrong).toEqual([]);
    recordConformance({
      id: 'pod-security-fixtures',
      title: "pod-security/ against upstream's manifests: each passes or fails as its folder says",
      against: 'kubernetes/pod-security-admission test/testdata',
      compared: fixtures.length,
      mismatches: wrong.length,
      counts: { pass: fixtures.filter(({ passes }) => passes).length, fail: fixtures.filter(({ passes }) => !passes).length },
    });
  });

  it.each(['baseline:v1.0', 'restricted:v1.24', 'restricted:v1.37'])(
    'are told apart by the command as well, under %s',
    async (policy) => {
      const place = (outcome: string): string => join(folder, policy.replace(':', '/'), outcome);
      const run = (outcome: string): ReturnType<typeof unroot> =>
        unroot(['check', place(outcome), '--pod-security', policy, '-o', 'json']);
      const [pass, fail] = await Promise.all([run('pass'), run('fail')]);
      expect([pass.code, fail.code]).toEqual([0, 1]);
      const outcomes = (stdout: string): readonly string[] =>
        (JSON.parse(stdout) as PodSecurityReport).podSecurity.objects.map(({ outcome }) => outcome);
      expect(new Set(outcomes(pass.stdout))).toEqual(new Set(['allowed']));
      expect(new Set(outcomes(fail.stdout))).toEqual(new Set(['violates']));
      expect(outcomes(fail.stdout)).toHaveLength(fixtures.filter((one) => one.policy === policy && !one.passes).length);
    },
  );
});
