/**
 * What a real kube-apiserver said to upstream's manifests (recorded by npm run reality:kubelet), against the pod as we say it is served and
 * the sentence we say it gets: with defaults and annotations brought over, which the policy package by itself does not know.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { evaluate, policyMessage } from '../../src/pod-security/evaluate.ts';
import { type LevelVersion, parseLevelVersion } from '../../src/pod-security/level.ts';
import { readPod } from '../../src/pod-security/read-pod.ts';
import { servedPod } from '../../src/pod-security/served-pod.ts';
import { recordConformance } from '../support/conformance.ts';

const record: string = fileURLToPath(new URL('kubelet/recorded-pod-security.json', import.meta.url));
const manifests: string = fileURLToPath(new URL('../../../shared/fixtures/pod-security/', import.meta.url));
const missing = [record, manifests].filter((path) => !existsSync(path));
if (missing.length > 0)
  console.warn(`SKIPPED: Pod Security against a recorded kube-apiserver: ${missing.join(' and ')} not there`);

interface Reply {
  readonly code: number;
  readonly message?: string;
}

interface Said {
  readonly fixture: string;
  readonly level: string;
  readonly version: string;
  readonly enforced: Reply;
  readonly warnings: readonly string[];
}

describe.skipIf(missing.length > 0)('what a real API server said', () => {
  it('is what we say, word for word', () => {
    const { kubeApiserver, said } = JSON.parse(readFileSync(record, 'utf8')) as {
      readonly kubeApiserver: string;
      readonly said: readonly Said[];
    };
    const newest = Number(/^v1\.(\d+)\./.exec(kubeApiserver)?.[1]);
    const wrong: unknown[] = [];
    const counts: Record<string, number> = { refused: 0, created: 0, 'warned of': 0 };
    const invalid = said.filter(({ enforced }) => enforced.code === 422);
    for (const { fixture, level, version, enforced, warnings } of said.filter((one) => one.enforced.code !== 422)) {
      const policy = parseLevelVersion(`${level}:${version}`);
      // A server knows no rules newer than itself.
      const rules: LevelVersion = {
        level: policy.level,
        version: policy.version === 'latest' ? newest : Math.min(policy.version, newest),
      };
      const { pod, problems } = readPod(parse(readFileSync(join(manifests, fixture), 'utf8')));
      const violations = evaluate(servedPod(pod, false), rules);
      const failed = violations.length > 0;
      const refusal = `pods "${pod.metadata?.name}" is forbidden: ${policyMessage(policy, violations, true)}`;
      const warning = warnings.filter((one) => one.startsWith('would violate PodSecurity'));
      const right =
        problems.length === 0 &&
        (failed ? enforced.message === refusal : enforced.code === 201) &&
        JSON.stringify(warning) === JSON.stringify(failed ? [policyMessage(policy, violations, false)] : []);
      if (!right) wrong.push({ fixture, enforced, warning, ours: failed ? refusal : 'created' });
      counts[failed ? 'refused' : 'created'] = (counts[failed ? 'refused' : 'created'] ?? 0) + 1;
      counts['warned of'] = (counts['warned of'] ?? 0) + warning.length;
    }
    expect(wrong).toEqual([]);
    expect(counts.refused).toBeGreaterThan(300);
    expect(counts.created).toBeGreaterThan(100);
    recordConformance({
      id: 'pod-security-server',
      title:
        "pod-security/ against a running kube-apiserver, recorded: upstream's manifests created under each policy, every word",
      against: `kube-apiserver ${kubeApiserver}`,
      compared: said.length - invalid.length,
      mismatches: wrong.length,
      counts,
      notes: [`${invalid.length} more are no valid pods to it, so it did not ask Pod Security`],
    });
  });
});
