/** What is written is what kustomize reads: the edited files, and the patches applied to the files as they were. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyEdits } from '../../src/text/edits.ts';
import { sourceFile } from '../../src/text/source-file.ts';
import { readYaml } from '../../src/text/yaml/read.ts';
import type { ContainerChange } from '../../src/workload/change.ts';
import { planChanges } from '../../src/workload/formats/kubernetes/changes.ts';
import { kustomization } from '../../src/workload/formats/kubernetes/kustomization.ts';
import { editsOfObjects } from '../../src/workload/formats/kubernetes/object-change.ts';
import { changedValue } from '../../src/workload/formats/kubernetes/patches.ts';
import { readManifests } from '../../src/workload/formats/kubernetes/read.ts';
import { anyManifest } from '../support/manifests-by-chance.ts';
import { seeded, writtenBySomebody } from '../support/yaml-documents.ts';

/** `kustomize build`, by either program. */
const PROGRAM = [
  ['kustomize', 'build', '--load-restrictor', 'LoadRestrictionsNone'],
  ['kubectl', 'kustomize', '--load-restrictor', 'LoadRestrictionsNone'],
].find(([program = '', verb = '']) => spawnSync(program, [verb, '--help']).status === 0);
if (PROGRAM === undefined) console.warn('SKIPPED: kustomize is missing, and so is kubectl (neither is a Debian package)');

function built(folder: string): ReadonlyMap<string, unknown> {
  const [program = '', ...args] = PROGRAM!;
  const { stdout, stderr, status } = spawnSync(program, [...args, folder], { encoding: 'utf8', maxBuffer: 1 << 28 });
  expect([status, stderr]).toEqual([0, '']);
  return new Map(
    readYaml(sourceFile('out', stdout)).documents.map(({ value }) => [
      (value as { metadata: { name: string } }).metadata.name,
      plain(value),
    ]),
  );
}

/** Merged lists have an order of their own: they are compared by what tells their items apart. Empty lists may be left out. */
function plain(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((one) => plain(one));
    return ['env', 'ports', 'volumes', 'volumeMounts'].includes(key)
      ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]) => [name, plain(one, name)] as const);
  const filled = entries.filter(([, one]) => !(Array.isArray(one) && one.length === 0));
  return Object.fromEntries(filled.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const CHANGE: Omit<ContainerChange, 'container'> = {
  user: { uid: 10001, gid: 10002 },
  runAsNonRoot: true,
  noNewPrivileges: true,
  capDrop: ['ALL'],
  seccompProfile: 'RuntimeDefault',
  tmpfs: ['/tmp'],
  env: { A: '2', B: '1' },
  fsGroup: 3,
  sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
  ports: [{ from: 80, to: 8080 }],
};

test.skipIf(PROGRAM === undefined)(
  `a hundred manifests through kustomize${PROGRAM === undefined ? ': kustomize and kubectl are missing' : ''}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'unroot-kustomize-'));
    try {
      for (const name of ['before', 'after', 'overlay']) mkdirSync(join(folder, name));
      // kustomize reads neither a mark together with a directive nor a document without anything.
      const files = Array.from({ length: 140 }, (_, seed) => {
        const chance = seeded(seed);
        return sourceFile(`w${seed}.yaml`, writtenBySomebody(chance, anyManifest(chance, `w${seed}`)).text);
      }).filter(({ text }) => !text.includes('%YAML'));
      const read = readManifests(files);
      const wanted = read.workloads.map((workload, index) => ({
        workload,
        changes: workload.containers
          .filter((_, at) => (index + at) % 3 > 0)
          .map(({ name }): ContainerChange => ({ ...CHANGE, container: name })),
      }));
      const { objects } = planChanges(wanted, read);
      const { edits, problems } = editsOfObjects(objects);
      expect(problems).toEqual([]);
      for (const { path, text } of files) {
        writeFileSync(join(folder, 'before', path), text);
        writeFileSync(
          join(folder, 'after', path),
          applyEdits(
            text,
            edits.filter(({ file }) => file === path),
          ).text,
        );
      }
      const resources = files.map(({ path }) => path);
      writeFileSync(join(folder, 'after/kustomization.yaml'), `resources:\n${resources.map((path) => `- ${path}\n`).join('')}`);
      for (const { path, text } of kustomization(
        objects,
        resources.map((path) => `../before/${path}`),
      ))
        writeFileSync(join(folder, 'overlay', path), text);
      const [edited, patched] = [built(join(folder, 'after')), built(join(folder, 'overlay'))];
      expect(objects.length).toBeGreaterThan(100);
      for (const change of objects) {
        const value = plain(changedValue(change));
        expect(edited.get(change.object.name), change.object.name).toEqual(value);
        expect(patched.get(change.object.name), change.object.name).toEqual(value);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
