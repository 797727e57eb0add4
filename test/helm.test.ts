/** Charts: rendered by helm, told at the line of the template, fixed through the values they expose and through nothing else. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, TextFixReport } from '../src/report/report.ts';
import { templateLines } from '../src/workload/formats/kubernetes/template-lines.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, schemaErrors, unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { goProgram } from './support/go-program.ts';
import { writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

const built = await goProgram('helm');
const helm = 'program' in built ? built.program : undefined;
const skipped = 'missing' in built ? `: ${built.missing}` : '';
if (skipped !== '') console.warn(`SKIPPED, charts${skipped}`);

let folder = '';
let image = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-charts-'));
  const program = { content: smallestProgram(), mode: 0o755 };
  image = `oci:${writeLayout(join(folder, 'image'), {
    layers: [
      [{ path: '/bin' }, { path: '/bin/app', ...program }, { path: '/bin/wget', ...program }, { path: '/tmp', mode: 0o1777 }],
    ],
    config: { Cmd: ['/bin/app'], Env: ['PATH=/bin'] },
  })}`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = (): string => `${helm === undefined ? '' : `${dirname(helm)}:`}${process.env.PATH}`;
const run = (args: readonly string[], env: Readonly<Record<string, string>> = { PATH: path() }): Promise<CliResult> =>
  unroot(args, { cwd: folder, env });
const images = (...names: readonly string[]): readonly string[] => names.flatMap((name) => ['--image', `${name}=${image}`]);
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

function chart(name: string, values: string, template: string, more: Readonly<Record<string, string>> = {}): string {
  writeBelow(folder, `${name}/Chart.yaml`, `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`);
  writeBelow(folder, `${name}/values.yaml`, values);
  writeBelow(folder, `${name}/templates/deployment.yaml`, template);
  for (const [file, text] of Object.entries(more)) writeBelow(folder, `${name}/${file}`, text);
  return name;
}

const deployment = (pod: string, container: string): string => `{{- /* ours */}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-web
  labels: {app: web}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
${pod}      containers:
        - name: web
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
${container}`;
const VALUES = 'replicas: 1\nimage:\n  repository: shop/web\n  tag: "1"\n';

async function fix(...args: readonly string[]): Promise<TextFixReport> {
  const { stdout, stderr } = await run(['fix', '-o', 'json', ...args]);
  const report = JSON.parse(stdout === '' ? `{"error":${JSON.stringify(stderr)}}` : stdout) as TextFixReport;
  expect(schemaErrors('fix', report)).toEqual([]);
  return report;
}

/** What counts of a check. */
async function left(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run(['check', '-o', 'json', ...args]);
  return (JSON.parse(stdout) as CheckReport).findings.filter(({ severity }) => severity !== 'info').map(({ id }) => id);
}

describe.skipIf(helm === undefined)(`charts${skipped}`, () => {
  it('as helm create makes them: lines of the template, a values patch, nothing left', async () => {
    expect(spawnSync(helm!, ['create', 'shop'], { cwd: folder }).status).toBe(0);
    const named = images('nginx:1.16.0', 'busybox');
    const lines = read('shop/templates/deployment.yaml').split('\n');
    const { stdout } = await run(['check', 'shop', '-o', 'json', ...named]);
    const { findings } = JSON.parse(stdout) as CheckReport;
    const own = findings.find(({ id, object }) => id === 'runs-as-root' && object === 'Deployment/release-name-shop');
    expect(own?.where.file).toBe('shop/templates/deployment.yaml');
    expect(lines[(own?.where.line ?? 0) - 1]).toContain('image: "{{ .Values.image.repository }}');

    const before = read('shop/values.yaml');
    const report = await fix('shop', '--write', ...named);
    expect(report.containers[0]).toMatchObject({
      object: 'Deployment/release-name-shop',
      outcome: 'changed',
      user: '10001:10001',
    });
    expect(report.files.map((file) => file.path)).toEqual(['shop/values.yaml']);
    const after = read('shop/values.yaml');
    expect(after).toContain('podSecurityContext:\n  runAsNonRoot: true\n  runAsUser: 10001\n  runAsGroup: 10001\n');
    expect(after).toContain('securityContext:\n  allowPrivilegeEscalation: false\n  capabilities:\n    drop:\n      - ALL\n');
    // Nothing but these two.
    const kept = after.split('\n').filter((line) => !before.split('\n').includes(line));
    expect(kept.length).toBeLessThanOrEqual(11);
    expect((await fix('shop', ...named)).files).toEqual([]);
    // The pod of its test is written in the template alone.
    const pod = report.diagnostics.find(({ message }) => message.includes('test-connection'));
    expect(pod?.message).toContain('no value of the chart reaches');
    expect(pod?.where.file).toBe('shop/templates/tests/test-connection.yaml');
  });

  it('a chart that exposes the containers alone: what belongs to the pod goes there', async () => {
    const name = chart(
      'own',
      `${VALUES}containerSecurityContext: {} # see the handbook\n`,
      deployment('', '          securityContext:\n            {{- toYaml .Values.containerSecurityContext | nindent 12 }}\n'),
    );
    await fix(name, '--write', ...images('shop/web:1'));
    expect(read('own/values.yaml')).toContain('containerSecurityContext:');
    expect(read('own/values.yaml')).toContain('# see the handbook');
    expect(await left(name, ...images('shop/web:1'))).toEqual([]);
    const { stdout } = await run(['who', name, '-o', 'json', ...images('shop/web:1')]);
    expect(JSON.parse(stdout)).toMatchObject({ containers: [{ uid: 10001, noNewPrivileges: true }] });
  });

  it('a value that only the templates name', async () => {
    const template = deployment(
      '      securityContext: {{- toYaml .Values.podSecurityContext | nindent 8 }}\n',
      '          {{- with .Values.securityContext }}\n          securityContext: {{- toYaml . | nindent 12 }}\n          {{- end }}\n',
    );
    const name = chart('unnamed', VALUES, template);
    await fix(name, '--write', ...images('shop/web:1'));
    expect(read('unnamed/values.yaml')).toContain('podSecurityContext:');
    expect(await left(name, ...images('shop/web:1'))).toEqual([]);
  });

  it('a chart that exposes nothing is left as it is, in clear words', async () => {
    const name = chart('closed', VALUES, deployment('', ''));
    const report = await fix(name, ...images('shop/web:1'));
    expect(report.files).toEqual([]);
    const [told] = report.diagnostics.filter(({ severity }) => severity === 'warning');
    expect(told?.message).toMatch(
      /Deployment release-name-web of closed stays as it is: no value of the chart reaches .*post-renderer/,
    );
    expect(told?.where).toMatchObject({ file: 'closed/templates/deployment.yaml' });
    expect(report.containers).toMatchObject([{ outcome: 'left', message: expect.stringContaining('no value of the chart') }]);
  });

  it('--values: what they say counts, and is changed where it is said', async () => {
    const name = chart(
      'tiers',
      `${VALUES}pod:\n  security: {}\nbox: {}\n`,
      deployment(
        '      securityContext: {{- toYaml .Values.pod.security | nindent 8 }}\n',
        '          securityContext: {{- toYaml .Values.box | nindent 12 }}\n',
      ),
    );
    writeBelow(folder, 'prod.yaml', '# production\npod:\n  security:\n    runAsUser: 0\nimage: {tag: "2"}\n');
    const named = images('shop/web:2');
    expect(await left(name, '--values', 'prod.yaml', ...named)).toContain('runs-as-root');
    const report = await fix(name, '--write', '--values', 'prod.yaml', ...named);
    expect(report.files.map((file) => file.path).sort()).toEqual(['prod.yaml', 'tiers/values.yaml']);
    expect(read('prod.yaml')).toContain('# production\npod:\n  security:\n    runAsUser: 10001\n');
    expect(await left(name, '--values', 'prod.yaml', ...named)).toEqual([]);
  });

  it('what helm refuses is an error at the chart, in its words, and other files are still looked at', async () => {
    chart('broken', 'a: 1\n', '{{ fail "no luck" }}\n');
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: shop/web:1}]}\n';
    writeBelow(folder, 'pods/pod.yaml', pod);
    const { stdout, code } = await run(['check', 'broken', 'pods', '-o', 'json', ...images('shop/web:1')]);
    const report = JSON.parse(stdout) as CheckReport;
    expect(code).toBe(2);
    expect(report.diagnostics[0]).toMatchObject({ severity: 'error', where: { file: 'broken/Chart.yaml' } });
    expect(report.diagnostics[0]?.message).toContain('no luck');
    expect(report.findings.map(({ id }) => id)).toContain('runs-as-root');
  });

  it('as a post-renderer: what helm installs is fixed on its way', async () => {
    const name = chart('posted', VALUES, deployment('', ''));
    const script = join(folder, 'unroot.sh');
    writeFileSync(
      script,
      `#!/bin/sh\nexec ${process.execPath} ${freshDist()} fix - --write --fail-on none --offline ${images('shop/web:1').join(' ')}\n`,
    );
    chmodSync(script, 0o755);
    const { stdout, stderr, status } = spawnSync(helm!, ['template', name, '--post-renderer', script], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('runAsUser: 10001');
    expect(stdout).toContain('kind: Deployment');
    const checked = join(folder, 'posted-out.yaml');
    writeFileSync(checked, stdout);
    expect(await left(checked, ...images('shop/web:1'))).toEqual([]);
  });
});

it('without helm: clear words, and what is no template is still read', async () => {
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec: {containers: [{name: a, image: shop/web:1}]}\n';
  const name = chart('alone', VALUES, deployment('', ''), { 'templates/pod.yaml': pod });
  const { stdout } = await run(['check', name, '-o', 'json', ...images('shop/web:1')], { PATH: folder });
  const { diagnostics, findings } = JSON.parse(stdout) as CheckReport;
  expect(findings.map(({ object }) => object)).toContain('Pod/plain');
  const told = diagnostics.find(({ where }) => where.file === 'alone/Chart.yaml');
  expect(told?.message).toContain('helm is not here to render it: helm template alone | unroot check -');
});

it('lines of templates', () => {
  const template = [
    'kind: A',
    'metadata:',
    '  name: {{ .x }}',
    '  {{- with .y }}',
    '  labels:',
    '    {{- toYaml . | nindent 4 }}',
    '  {{- end }}',
    'spec:',
    '  a: {{ .z }}',
  ];
  const rendered = ['kind: A', 'metadata:', '  name: n', '  labels:', '    p: q', '    r: s', 'spec:', '  a: 1'];
  expect(templateLines(rendered, template)).toEqual([0, 1, 2, 4, 4, 4, 7, 8]);
});
