/**
 * src/pod-security against k8s.io/pod-security-admission: random pods under random policies, allow and every word compared.
 * UNROOT_PODS sets how many (npm run reality:pod-security: 100000), UNROOT_SEED which.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { evaluate, violationsText } from '../../src/pod-security/evaluate.ts';
import { levelVersionText, parseLevelVersion } from '../../src/pod-security/level.ts';
import { levelLabel, MODES, policyOfLabels, versionLabel } from '../../src/pod-security/policy.ts';
import { readPod } from '../../src/pod-security/read-pod.ts';
import { recordConformance } from '../support/conformance.ts';
import { type Json, podGenerator, randomStream } from './pod-generator.ts';
import { type Answer, askOracle, buildOracle, type Question } from './pod-security-oracle.ts';

const PODS = Number(process.env.UNROOT_PODS ?? 5000);
const SEED = Number(process.env.UNROOT_SEED ?? Date.now() % 1_000_000_007);
const BATCH = 5000;

const oracle = await buildOracle();
if ('missing' in oracle) console.warn(`SKIPPED: Pod Security against upstream's package: ${oracle.missing}`);

/** What we say, in the shape of what upstream says. */
function ours({ policy, pod }: Question): Answer {
  const read = readPod(pod);
  if (read.problems.length > 0) return { allowed: false, error: read.problems.map(({ path }) => path.join('.')).join(' ') };
  const violations = evaluate(read.pod, parseLevelVersion(policy));
  if (violations.length === 0) return { allowed: true };
  return { allowed: false, reason: violations.map(({ reason }) => reason).join(', '), detail: violationsText(violations) };
}

const same = (mine: Answer, theirs: Answer): boolean =>
  mine.error !== undefined || theirs.error !== undefined
    ? (mine.error === undefined) === (theirs.error === undefined)
    : mine.allowed === theirs.allowed && mine.reason === theirs.reason && mine.detail === theirs.detail;

/** Every pod with one thing less. */
function* smaller(value: Json): Generator<Json> {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, one] of (value as readonly Json[]).entries()) {
      yield value.filter((_, other) => other !== index);
      for (const less of smaller(one)) yield value.map((item: Json, other) => (other === index ? less : item));
    }
    return;
  }
  const entries = Object.entries(value as Readonly<Record<string, Json>>);
  for (const [name, one] of entries) {
    yield Object.fromEntries(entries.filter(([other]) => other !== name));
    for (const less of smaller(one)) yield Object.fromEntries(entries.map(([key, item]) => [key, key === name ? less : item]));
  }
}

/** Takes away what is not needed for the difference. */
function shrunk(program: string, question: Question): Question {
  let smallest = question;
  for (let round = 0; round < 200; round += 1) {
    const candidates = [...smaller(smallest.pod)].slice(0, 2000).map((pod) => ({ ...smallest, pod }));
    const answers = candidates.length === 0 ? [] : askOracle(program, candidates);
    const next = candidates.find((one, index) => !same(ours(one), answers[index] as Answer));
    if (next === undefined) return smallest;
    smallest = next;
  }
  return smallest;
}

describe.skipIf('missing' in oracle)('Pod Security against upstream', () => {
  const program = 'program' in oracle ? oracle.program : '';

  it(`says the same about ${PODS} random pods (seed ${SEED})`, { timeout: 900_000 }, () => {
    const random = randomStream(SEED);
    const next = podGenerator(random, 0.06);
    const level = (): string => (random() < 0.03 ? 'privileged' : random() < 0.4 ? 'baseline' : 'restricted');
    const version = (): string => (random() < 0.1 ? 'latest' : `v1.${Math.floor(random() * 41)}`);
    const counts: Record<string, number> = { allowed: 0, forbidden: 0, 'not decodable': 0 };
    const reasons = new Set<string>();
    let mismatches = 0;
    for (let done = 0; done < PODS; done += BATCH) {
      const questions = Array.from({ length: Math.min(BATCH, PODS - done) }, () => ({
        policy: `${level()}:${version()}`,
        pod: next(),
      }));
      const answers = askOracle(program, questions);
      for (const [index, question] of questions.entries()) {
        const [mine, theirs] = [ours(question), answers[index] as Answer];
        const kind = theirs.error !== undefined ? 'not decodable' : theirs.allowed ? 'allowed' : 'forbidden';
        counts[kind] = (counts[kind] ?? 0) + 1;
        for (const reason of theirs.reason?.split(', ') ?? []) reasons.add(reason);
        if (same(mine, theirs)) continue;
        mismatches += 1;
        const small = shrunk(program, question);
        expect({ question: small, answer: ours(small) }, `seed ${SEED}, pod ${done + index}`).toEqual({
          question: small,
          answer: askOracle(program, [small])[0],
        });
      }
    }
    expect(mismatches).toBe(0);
    // The comparison is worth something only when all of it came up.
    expect(reasons.size).toBe(18);
    for (const kind of Object.keys(counts)) expect(counts[kind], kind).toBeGreaterThan(PODS / 100);
    const used = /k8s\.io\/pod-security-admission (\S+)/.exec(
      readFileSync(new URL('go/pod-security/go.mod', import.meta.url), 'utf8'),
    )?.[1];
    recordConformance({
      id: 'pod-security',
      title:
        'pod-security/ against the package that the API server uses: random pods under random levels and versions, allow and every word',
      against: `k8s.io/pod-security-admission ${used}`,
      compared: PODS,
      mismatches,
      counts,
      seed: SEED,
      notes: ['npm run reality:pod-security compares 100,000'],
    });
  });

  it(`reads 5000 random sets of labels alike (seed ${SEED})`, () => {
    const random = randomStream(SEED);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const levels = ['privileged', 'baseline', 'restricted', 'restricted', 'Baseline', '', 'x"\n'];
    const versions = ['latest', 'v1.0', 'v1.34', 'v1.99', 'v1.01', 'v2.0', '1.34', '', 'v1.9223372036854775808'];
    const questions = Array.from({ length: 5000 }, () => ({
      labels: Object.fromEntries(
        MODES.flatMap((mode) => [
          ...(random() < 0.5 ? [[levelLabel(mode), pick(levels)] as const] : []),
          ...(random() < 0.4 ? [[versionLabel(mode), pick(versions)] as const] : []),
        ]),
      ),
      defaults: `${pick(['privileged', 'baseline', 'restricted'])}:${pick(['latest', 'v1.30'])}`,
    }));
    const answers = askOracle(program, questions);
    for (const [index, { labels, defaults }] of questions.entries()) {
      const all = parseLevelVersion(defaults);
      const { policy, errors } = policyOfLabels(labels, { enforce: all, audit: all, warn: all });
      const { policy: theirs, errors: complaints = [] } = answers[index] as Answer;
      expect({ labels, policy: MODES.map((mode) => levelVersionText(policy[mode])) }).toEqual({ labels, policy: theirs });
      expect(errors).toEqual(complaints);
    }
  });
});
