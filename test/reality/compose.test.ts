/**
 * Compose files against compose-go, Docker's own reader: ten stacks of this repository, and random projects; every setting of every service compared.
 * UNROOT_COMPOSE sets how many, UNROOT_SEED which.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { composeFiles } from '../../src/input/compose-files.ts';
import { composeProjects, isComposeFile } from '../../src/input/compose-projects.ts';
import { readManifestFiles } from '../../src/input/manifest-files.ts';
import type { Volume } from '../../src/workload/container.ts';
import { type ComposeProject, readComposeProject } from '../../src/workload/formats/compose/read.ts';
import { recordConformance } from '../support/conformance.ts';
import { composeGenerator } from './compose-generator.ts';
import { askComposeOracle, buildComposeOracle, type Compared, composeAnswer } from './compose-oracle.ts';
import { randomStream } from './pod-generator.ts';

const COUNT = Number(process.env.UNROOT_COMPOSE ?? 400);
const SEED = Number(process.env.UNROOT_SEED ?? Date.now() % 1_000_000_007);
const stacks: string = fileURLToPath(new URL('../compose/stacks/', import.meta.url));

const oracle = await buildComposeOracle();
if ('missing' in oracle) console.warn(`SKIPPED: compose files against Docker's own reader: ${oracle.missing}`);

const folder = mkdtempSync(join(tmpdir(), 'unroot-compose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Maps in one order, and what only one of the two tells in the words of the other. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, plain(one)]),
  );
}

/** Ours are one list of mounts; theirs are volumes and tmpfs. */
function mounts(mine: Compared, theirs: Compared): readonly [unknown, unknown] {
  const own = (mine.volumes as readonly Volume[]).filter(
    ({ kind, target }) => kind !== 'bind' || !target.startsWith('/run/secrets/'),
  );
  const known = (theirs.volumes as readonly (readonly [string, string | null, string, boolean])[]).map(
    ([type, source, target, ro]) =>
      type === 'bind'
        ? ['bind', source, target, ro]
        : type === 'tmpfs'
          ? ['tmpfs', null, target, ro]
          : ['volume', source, target, ro],
  );
  const tmpfs = (theirs.tmpfs as readonly string[]).map((target) => ['tmpfs', null, target, false]);
  const said = own.map(({ kind, source, target, readOnly }) => {
    const type = kind === 'bind' || kind === 'tmpfs' ? kind : 'volume';
    return [type, type === 'tmpfs' ? null : (source ?? null), target, readOnly === true];
  });
  const sorted = (list: readonly unknown[]): readonly unknown[] =>
    [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return [sorted(said), sorted([...known, ...tmpfs])];
}

/** What differs, one line for each field. */
function differences(project: ComposeProject, theirs: Readonly<Record<string, Compared>>): readonly string[] {
  const mine = composeAnswer(project).services ?? {};
  const out: string[] = [];
  for (const name of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    const [a, b] = [mine[name], theirs[name]];
    if (a === undefined || b === undefined) {
      out.push(`${name}: only ${a === undefined ? 'theirs' : 'ours'}`);
      continue;
    }
    // What hangs on a variable without a value is unknown to us, and empty to them.
    const unknown = new Set(a.unset as readonly string[]);
    const env = Object.fromEntries(Object.entries(b.env as Record<string, string>).filter(([key]) => !unknown.has(key)));
    if (!(b.unset as readonly string[]).every((key) => unknown.has(key)))
      out.push(`${name}.unset: ours ${a.unset}, theirs ${b.unset}`);
    for (const field of Object.keys(a)) {
      if (field === 'unset') continue;
      const pair = field === 'volumes' ? mounts(a, b) : field === 'env' ? [a.env, env] : [a[field], b[field]];
      const [x, y] = pair.map((value) => JSON.stringify(plain(value)));
      if (x !== y) out.push(`${name}.${field}: ours ${x}, theirs ${y}`);
    }
  }
  return out;
}

describe.skipIf('missing' in oracle)("Docker's reader of compose files", () => {
  const program = 'program' in oracle ? oracle.program : '';

  it.each(readdirSync(stacks))('says the same of %s', (name) => {
    const dir = join(stacks, name);
    const { files } = readManifestFiles([dir]);
    const { projects } = composeProjects(files.filter(isComposeFile), new Set());
    const project = projects.find(({ sources }) => dirname(sources[0]?.path ?? '') === dir) as ComposeProject;
    const [answer] = askComposeOracle(program, [{ dir, files: [], env: {} }]);
    expect(answer?.error).toBeUndefined();
    expect(project.name).toBe(answer?.name);
    // What is not set here, and what a service has from another one, is told by us only.
    const told = differences(project, answer?.services ?? {}).filter(
      (line) =>
        !/^(?:nodered\.sysctls|node\.volumes|php\.user|prometheus\.volumes|db\.volumes: ours .*nextcloud\/database)/.test(line),
    );
    expect(told).toEqual([]);
  });

  it(`says the same of ${COUNT} random projects (seed ${SEED})`, { timeout: 300_000 }, () => {
    const next = composeGenerator(randomStream(SEED));
    const asked = Array.from({ length: COUNT }, (_, index) => {
      const dir = join(folder, String(index));
      const { files, env } = next();
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, path)), { recursive: true });
        writeFileSync(join(dir, path), text);
      }
      return { dir, env, names: ['compose.yaml', 'compose.override.yaml'].filter((each) => files[each] !== undefined), files };
    });
    const answers = askComposeOracle(
      program,
      asked.map(({ dir, env }) => ({ dir, files: [], env: { HOME: '/root', ...env } })),
    );
    const wrong: string[] = [];
    let taken = 0;
    for (const [index, { dir, env, names }] of asked.entries()) {
      const { error, name, services } = answers[index] as (typeof answers)[number];
      const { files } = readManifestFiles(names.map((each) => join(dir, each)));
      const project = readComposeProject(files, { ...composeFiles(files), environment: { HOME: '/root', ...env } });
      if (error !== undefined) {
        if (!project.problems.some(({ severity }) => severity !== 'info')) wrong.push(`${index}: theirs ${error}, ours nothing`);
        continue;
      }
      taken += 1;
      const told = project.problems.filter(({ severity }) => severity === 'error').map(({ message }) => `ours ${message}`);
      const lines = [
        ...told,
        ...(project.name === name ? [] : [`name ${project.name} ${name}`]),
        ...differences(project, services ?? {}),
      ];
      if (lines.length > 0)
        wrong.push(
          `${index}: ${lines.join('\n   ')}\n${names.map((each) => files.find(({ path }) => path.endsWith(each))?.text).join('---\n')}`,
        );
    }
    expect(wrong.slice(0, 3).join('\n\n')).toBe('');
    // Nearly all are meant to be taken.
    expect(taken).toBeGreaterThan(COUNT / 2);
    recordConformance({
      id: 'compose',
      title:
        "workload/formats/compose against Docker's own reader: random projects of several files, every setting of every service",
      against: `compose-go ${/compose-go\/v2 v(\S+)/.exec(readFileSync(new URL('go/compose/go.mod', import.meta.url), 'utf8'))?.[1] ?? ''}`,
      compared: taken,
      mismatches: wrong.length,
      seed: SEED,
    });
  });
});
