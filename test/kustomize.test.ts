/** Overlays: what we build is what kustomize builds, and a fix changes the file that says it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeManifests } from '../src/input/changed-manifests.ts';
import { kustomizeFiles } from '../src/input/kustomize-files.ts';
import { loadManifests } from '../src/input/manifests.ts';
import type { CheckReport } from '../src/report/report.ts';
import { sourceFile } from '../src/text/source-file.ts';
import { readYaml } from '../src/text/yaml/read.ts';
import type { ContainerChange } from '../src/workload/change.ts';
import { planChanges } from '../src/workload/formats/kubernetes/changes.ts';
import { buildKustomization } from '../src/workload/formats/kubernetes/kustomize/build.ts';
import { plainValue } from '../src/workload/formats/kubernetes/kustomize/traced.ts';
import { freshDist } from './support/build.ts';
import { schemaErrors, unroot } from './support/cli.ts';
import { recordConformance } from './support/conformance.ts';
import { writeBelow } from './support/files.ts';
import { goProgram } from './support/go-program.ts';
import { writeLayout } from './support/image-builder.ts';
import { OVERLAYS, type Overlay, overlayByChance, overlayFiles } from './support/overlays.ts';
import { smallestProgram } from './support/program.ts';
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

  /** Everything that a fix may ask of a container. */
  const CHANGE: Omit<ContainerChange, 'container'> = {
    user: { uid: 10001, gid: 10002 },
    runAsNonRoot: true,
    noNewPrivileges: true,
    capDrop: ['ALL'],
    seccompProfile: 'RuntimeDefault',
    tmpfs: ['/cache'],
    env: { MODE: 'nobody' },
    fsGroup: 3,
    ports: [{ from: 80, to: 8080 }],
  };

  test.each(Object.keys(OVERLAYS))('changed in its files, kustomize makes of it what was asked for: %s', (name) => {
    const over = written(`changed ${name}`, overlayFiles(name));
    const loaded = loadManifests([over]);
    const wanted = [...loaded.workloads].map((workload) => ({
      workload,
      changes: workload.containers.map((container) => ({ container: container.name, ...CHANGE })),
    }));
    const planned = planChanges(wanted, loaded);
    const made = changeManifests(planned.objects, [], loaded.groups);
    const stays = made.problems.filter(({ message }) => message.includes('stays as it is'));
    expect(stays).toEqual([]);
    for (const { path, before, after } of made.texts) if (before !== after) writeFileSync(path, after);
    const real = theirs(over);
    expect(ours(over)).toEqual({ ...real, errors: [] });
    const users = made.again.workloads.map(({ containers }) =>
      containers.map(({ settings }) => [settings.runAsUser, settings.capDrop]),
    );
    expect(users.flat()).toEqual(users.flat().map(() => [10001, ['ALL']]));
  });

  test('sixty by chance, errors too', () => {
    const counts = { built: 0, refused: 0 };
    for (let seed = 0; seed < 60; seed += 1) {
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
    expect(counts.built).toBeGreaterThan(40);
    recordConformance({
      id: 'kustomize',
      title: 'workload/formats/kubernetes/kustomize against kustomize build: overlays of our own and by chance',
      against: 'kustomize 5.7.1',
      compared: 60 + 2 * Object.keys(OVERLAYS).length,
      mismatches: 0,
      counts,
      seed: 0,
    });
  });
});

/** Findings that are more than a hint. */
const counting = (stdout: string): readonly unknown[] =>
  (JSON.parse(stdout) as CheckReport).findings.filter(({ severity }) => severity !== 'info');

/** A root image, and overlays around it. */
describe('an overlay given to the commands', () => {
  const base = (more = ''): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web # the one
        image: root:1
${more}`;
  const over = (more = ''): string => `resources: [../base]\nnamePrefix: prod-\n${more}`;
  let image: readonly string[] = [];
  beforeAll(() => {
    freshDist();
    const layout = writeLayout(join(folder, 'root-image'), {
      layers: [[{ path: '/bin' }, { path: '/bin/app', content: smallestProgram(), mode: 0o755 }, { path: '/tmp', mode: 0o1777 }]],
      config: { Cmd: ['/bin/app'] },
    });
    image = ['--image', `root:1=oci:${layout}`];
  });

  const tree = (name: string, files: Overlay): string => {
    for (const [path, text] of Object.entries(files)) writeBelow(join(folder, name), path, text);
    return join(folder, name);
  };
  const files = (more: Overlay = {}): Overlay => ({
    'base/kustomization.yaml': 'resources: [web.yaml]\n',
    'base/web.yaml': base(),
    'over/kustomization.yaml': over(),
    ...more,
  });
  const run = (place: string, ...args: string[]): ReturnType<typeof unroot> => unroot(args, { cwd: place });

  /** Writes, and lets check and a second fix look at it. */
  async function fixed(place: string, target = 'over'): Promise<(path: string) => string> {
    const first = await run(place, 'fix', target, '--write', '-o', 'json', ...image);
    expect(JSON.parse(first.stdout), first.stderr).toMatchObject({ wrote: true });
    expect(schemaErrors('fix', JSON.parse(first.stdout))).toEqual([]);
    const check = await run(place, 'check', target, '-o', 'json', ...image);
    expect(counting(check.stdout)).toEqual([]);
    const second = await run(place, 'fix', target, '--diff', ...image);
    expect(second.stdout).toBe('');
    return (path) => readFileSync(join(place, path), 'utf8');
  }

  test('who and check name the file and line of the base', async () => {
    const place = tree('lines', files());
    const who = await run(place, 'who', 'over', '-o', 'json', ...image);
    const { containers } = JSON.parse(who.stdout) as { containers: { name: string; in: object; isRoot: boolean }[] };
    expect(containers).toMatchObject([
      { name: 'web', isRoot: true, workload: { name: 'prod-web', file: 'base/web.yaml', line: 13 } },
    ]);
    const check = await run(place, 'check', 'over', '-o', 'json', ...image);
    const [finding] = (JSON.parse(check.stdout) as CheckReport).findings;
    expect(finding).toMatchObject({
      id: 'runs-as-root',
      object: 'Deployment/prod-web',
      where: { file: 'base/web.yaml', line: 14 },
    });
  });

  test('Pod Security looks at what the overlay makes, and names the base', async () => {
    const place = tree('pod-security', files());
    const { stdout } = await run(place, 'check', 'over', '--pod-security', 'restricted', '-o', 'json');
    const { findings } = JSON.parse(stdout) as CheckReport;
    expect(findings.length).toBeGreaterThan(0);
    for (const { object, where } of findings) expect([object, where.file]).toEqual(['Deployment/prod-web', 'base/web.yaml']);
  });

  test('a folder of them is each overlay once, and the base through them', async () => {
    const place = tree(
      'folder',
      files({ 'other/kustomization.yaml': 'resources: [../base]\nnameSuffix: -x\n', 'plain.yaml': base() }),
    );
    const who = await run(place, 'who', '.', '-o', 'json', ...image);
    const { containers } = JSON.parse(who.stdout) as { containers: { workload: { name: string } }[] };
    expect(containers.map(({ workload }) => workload.name).sort()).toEqual(['prod-web', 'web', 'web-x']);
  });

  test('what is new goes to where the container is defined, once for all overlays', async () => {
    const place = tree('new', files({ 'other/kustomization.yaml': 'resources: [../base]\nnameSuffix: -x\n' }));
    const read = await fixed(place, '.');
    expect(read('base/web.yaml')).toBe(
      base(`        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
            - ALL
`).replace(
        '      containers:',
        `      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        seccompProfile:
          type: RuntimeDefault
      containers:`,
      ),
    );
    expect(read('over/kustomization.yaml')).toBe(over());
  });

  test('what follows from a program that only one overlay puts there is no matter of the base, nor of the others', async () => {
    const another = (name: string): string => over(`images:\n- name: placeholder\n  newName: ${name}\n  newTag: "1"\n`);
    const place = tree('programs', {
      'base/kustomization.yaml': 'resources: [web.yaml]\n',
      'base/web.yaml': base().replace('root:1', 'registry.example/placeholder'),
      'over/kustomization.yaml': another('root').replace('placeholder', 'registry.example/placeholder'),
    });
    const read = await fixed(place);
    expect(read('base/web.yaml')).not.toContain('securityContext');
    expect(read('over/kustomization.yaml')).toContain('runAsUser: 10001');

    // The same program from elsewhere is the same program.
    const mirrored = tree('mirrored', {
      'base/kustomization.yaml': 'resources: [web.yaml]\n',
      'base/web.yaml': base().replace('root:1', 'registry.example/root'),
      'over/kustomization.yaml': another('root').replace('placeholder', 'registry.example/root'),
    });
    expect((await fixed(mirrored))('base/web.yaml')).toContain('runAsUser: 10001');
  });

  test('what a patch says is changed in the patch: a file, a text in the kustomization, an operation', async () => {
    const spec = (user: number): string =>
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      securityContext: {runAsUser: ${user}} # why\n`;
    const inFile = tree(
      'patch-file',
      files({ 'over/kustomization.yaml': over('patches: [{path: p.yaml}]\n'), 'over/p.yaml': spec(0) }),
    );
    const read = await fixed(inFile);
    expect(read('over/p.yaml')).toContain('securityContext: {runAsUser: 10001} # why\n');
    expect(read('base/web.yaml')).not.toContain('runAsUser');
    expect(read('base/web.yaml')).toContain('runAsNonRoot: true');

    const text = spec(0).replaceAll(/^/gm, '    ').trimEnd();
    const inline = tree(
      'patch-inline',
      files({ 'over/kustomization.yaml': over(`patches:\n- patch: |-\n${text}\n# the end\n`) }),
    );
    const check = await run(inline, 'check', 'over', '-o', 'json', ...image);
    expect((JSON.parse(check.stdout) as CheckReport).findings[0]).toMatchObject({
      where: { file: 'over/kustomization.yaml', line: 11, column: 40 },
    });
    const kept = (await fixed(inline))('over/kustomization.yaml');
    expect(kept).toBe(over(`patches:\n- patch: |-\n${text.replace('runAsUser: 0', 'runAsUser: 10001')}\n# the end\n`));

    const operations = over(
      'patches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: add\n      path: /spec/template/spec/securityContext\n      value:\n        runAsUser: 0\n',
    );
    const json = tree('patch-operations', files({ 'over/kustomization.yaml': operations }));
    const after = (await fixed(json))('over/kustomization.yaml');
    expect(after).toContain('        runAsUser: 10001\n');
  });

  test('a new image goes to the entry of images that decides it; without one to the base', async () => {
    // Only a changed image needs a new name: the tag of the overlay is where it was said.
    const place = tree('images', files({ 'over/kustomization.yaml': over('images:\n- name: root\n  newTag: "1"\n') }));
    const check = await run(place, 'who', 'over', '-o', 'json', ...image);
    expect(JSON.parse(check.stdout)).toMatchObject({ containers: [{ image: 'root:1', isRoot: true }] });
  });

  test('--patch is laid over the overlay', async () => {
    const place = tree('patched', files());
    const { stdout } = await run(place, 'fix', 'over', '--patch', 'kustomize', '--user', '10001', ...image);
    expect(stdout).toContain('resources:\n- over\n');
    expect(stdout).toContain('name: prod-web');
  });

  test('what is not understood is said, at its place, and asked of kustomize when it is here', async () => {
    const place = tree('strange', files({ 'over/kustomization.yaml': `resources: [../base, https://example.com/x.yaml]\n` }));
    const { stdout, code } = await run(place, 'check', 'over', '-o', 'json', ...image);
    const { diagnostics, findings } = JSON.parse(stdout) as CheckReport;
    expect(diagnostics).toMatchObject([{ severity: 'warning', where: { file: 'over/kustomization.yaml', line: 1, column: 22 } }]);
    expect(diagnostics[0]?.message).toContain('https://example.com/x.yaml lies elsewhere and is not fetched');
    expect(findings.filter(({ severity }) => severity !== 'info')).toHaveLength(1);
    expect(code).toBe(0);
  });

  test.skipIf(kustomize === undefined)(
    `replacements are those of kustomize, and fixes go to the files all the same${skipped}`,
    async () => {
      const place = tree(
        'replacements',
        files({
          'over/kustomization.yaml': over(
            'replacements:\n- source: {kind: Deployment, name: web, fieldPath: metadata.name}\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths: [metadata.annotations.from]\n    options: {create: true}\n',
          ),
        }),
      );
      const path = `${dirname(kustomize!)}:${process.env.PATH}`;
      const found = await unroot(['check', 'over', '-o', 'json', ...image], { cwd: place, env: { PATH: path } });
      const { diagnostics } = JSON.parse(found.stdout) as CheckReport;
      expect(diagnostics).toMatchObject([{ severity: 'info' }]);
      expect(diagnostics[0]?.message).toContain('the objects are those of kustomize build');
      await unroot(['fix', 'over', '--write', ...image], { cwd: place, env: { PATH: path } });
      expect(readFileSync(join(place, 'base/web.yaml'), 'utf8')).toContain('runAsUser: 10001');
      const without = await unroot(['check', 'over', '-o', 'json'], { cwd: place, env: { PATH: folder } });
      const told = (JSON.parse(without.stdout) as CheckReport).diagnostics[0];
      expect(told).toMatchObject({ severity: 'warning', where: { file: 'over/kustomization.yaml', line: 3 } });
      expect(told?.message).toMatch(/what it does is left out; kustomize build over \| unroot check -/);
    },
  );

  test('what kustomize would refuse is an error at its place, and the rest is still checked', async () => {
    const place = tree(
      'refused',
      files({
        'over/kustomization.yaml': 'resources: [../base, missing.yaml]\npatches: [{path: p.yaml}]\nnamePerfix: x\n',
        'over/p.yaml': base().replace('name: web\n', 'name: wep\n'),
      }),
    );
    const { stdout, code } = await run(place, 'check', 'over', '-o', 'json', ...image);
    const { diagnostics, findings } = JSON.parse(stdout) as CheckReport;
    expect(code).toBe(2);
    expect(findings.filter(({ severity }) => severity !== 'info')).toHaveLength(1);
    expect(diagnostics.map(({ message, where }) => `${where.file}:${where.line} ${message}`)).toEqual([
      'over/kustomization.yaml:3 a kustomization has no field namePerfix',
      'over/kustomization.yaml:1 cannot read missing.yaml: there is no such file or folder',
      'over/p.yaml:1 no object is Deployment wep, which the patch is for',
    ]);
  });

  test('folders that name each other twice do not take for ever', async () => {
    const files: Record<string, string> = { 'd30/kustomization.yaml': 'namePrefix: x\n' };
    for (let depth = 0; depth < 30; depth += 1)
      files[`d${depth}/kustomization.yaml`] = `resources: [../d${depth + 1}, ../d${depth + 1}]\n`;
    const { stdout, stderr, code } = await run(tree('twice', files), 'check', 'd0');
    expect(stdout + stderr).toContain('more than 1000 kustomizations are built on');
    expect(code).toBe(2);
  });

  test('one that leads back to itself, and two in one folder', async () => {
    const place = tree('circles', {
      'a/kustomization.yaml': 'resources: [../b]\n',
      'b/kustomization.yaml': 'resources: [../a]\n',
      'c/kustomization.yaml': 'resources: [../two]\n',
      'two/kustomization.yaml': '',
      'two/kustomization.yml': '',
    });
    const round = await run(place, 'check', 'a');
    expect(round.stdout + round.stderr).toContain('leads back to itself');
    expect(round.code).toBe(2);
    const two = await run(place, 'check', 'c');
    expect(two.stdout + two.stderr).toContain('more than one kustomization');
  });
});
