/** Overlays: what we build is what kustomize builds, and a fix changes the file that says it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kustomizeFiles } from '../src/input/kustomize-files.ts';
import { sourceFile } from '../src/text/source-file.ts';
import { readYaml } from '../src/text/yaml/read.ts';
import { buildKustomization } from '../src/workload/formats/kubernetes/kustomize/build.ts';
import { plainValue } from '../src/workload/formats/kubernetes/kustomize/traced.ts';
import { recordConformance } from './support/conformance.ts';
import { writeBelow } from './support/files.ts';
import { goProgram } from './support/go-program.ts';
import { OVERLAYS, type Overlay, overlayByChance, overlayFiles } from './support/overlays.ts';
import { seeded } from './support/yaml-documents.ts';

const oracle = await goProgram('kustomize');
const kustomize = 'program' in oracle ? oracle.program : undefined;
const skipped = 'missing' in oracle ? `: ${oracle.missing}` : '';
if (skipped !== '') console.warn(`SKIPPED, the comparison with kustomize${skipped}`);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unroot-overlays-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, files: Overlay): string {
  const place = join(folder, name.replace(/\W+/g, '-'));
  for (const [path, text] of Object.entries(files)) writeBelow(place, path, text);
  return join(place, 'over');
}

type Objects = Readonly<Record<string, unknown>>;

/** By kind, namespace and name. */
const named = (values: readonly unknown[]): Objects =>
  Object.fromEntries(
    values.map((value) => {
      const { kind, metadata } = value as { kind: string; metadata: { name: string; namespace?: string } };
      return [`${kind}/${metadata.namespace ?? ''}/${metadata.name}`, withoutEmpty(value)];
    }),
  );

/** kustomize leaves mappings and lists that a patch emptied, or does not; ports that have no protocol go to the end. */
function withoutEmpty(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutEmpty(item));
    return key === 'ports' ? items.sort((a, b) => (portOf(a) < portOf(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, item]) => [name, withoutEmpty(item, name)] as const)
      .filter(([, item]) => !(typeof item === 'object' && item !== null && Object.keys(item).length === 0)),
  );
}

const portOf = (port: unknown): string => {
  const { containerPort, port: number, protocol, name } = port as Readonly<Record<string, unknown>>;
  return [containerPort, number, protocol, name].map(String).join(' ');
};

function theirs(over: string): { readonly objects: Objects } | { readonly error: string } {
  const { status, stdout, stderr } = spawnSync(kustomize!, ['build', over], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) return { error: stderr.trim().split('\n').at(-1) ?? '' };
  return { objects: named(readYaml(sourceFile('out', stdout)).documents.map(({ value }) => value)) };
}

function ours(over: string): { readonly objects: Objects; readonly errors: readonly string[] } {
  const { resources, problems } = buildKustomization(over, kustomizeFiles());
  return {
    objects: named(resources.map(({ object }) => plainValue(object))),
    errors: problems.filter(({ severity }) => severity === 'error').map(({ message }) => message),
  };
}

describe.skipIf(kustomize === undefined)(`our build is that of kustomize${skipped}`, () => {
  test.each(Object.keys(OVERLAYS))('%s', (name) => {
    const over = written(name, overlayFiles(name));
    expect(ours(over)).toEqual({ ...theirs(over), errors: [] });
  });

  test('a hundred by chance, errors too', () => {
    const counts = { built: 0, refused: 0 };
    for (let seed = 0; seed < 100; seed += 1) {
      const over = written(`chance-${seed}`, overlayByChance(seeded(seed)));
      const [own, real] = [ours(over), theirs(over)];
      if ('error' in real) {
        expect(own.errors.length, `seed ${seed}: ${real.error}`).toBeGreaterThan(0);
        counts.refused += 1;
      } else {
        expect({ seed, ...own }).toEqual({ seed, objects: real.objects, errors: [] });
        counts.built += 1;
      }
    }
    expect(counts.built).toBeGreaterThan(70);
    recordConformance({
      id: 'kustomize',
      title: 'workload/formats/kubernetes/kustomize against kustomize build: overlays of our own and by chance',
      against: 'kustomize 5.7.1',
      compared: 100 + Object.keys(OVERLAYS).length,
      mismatches: 0,
      counts,
      seed: 0,
    });
  });
});
