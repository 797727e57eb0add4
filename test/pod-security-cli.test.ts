/** `unroot check FILE --pod-security` from outside: places, words, formats, exit codes. Every test starts the real bundle. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { PodSecurityReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { cleanEnv, schemaErrors, unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-pod-security-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => writeBelow(folder, name, text);

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  hostPID: true
  containers:
    - name: app
      image: nginx
      securityContext:
        privileged: yes
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
`;
const GOOD = POD.replace('  hostPID: true\n', '').replace('        privileged: yes\n', '');
const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: prod
spec:
  template:
    spec:
      runtimeClassName: kata
      initContainers:
        - name: prepare
      containers:
        - name: app
          ports: [{containerPort: 80, hostPort: 80}]
`;
const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\n';

const check = (targets: readonly string[], policy = 'restricted:v1.34', ...more: readonly string[]): ReturnType<typeof unroot> =>
  unroot(['check', '-o', 'json', '--pod-security', policy, ...more, ...targets], {
    env: { UNROOT_LABS: join(folder, 'no-labs') },
  });
const report = async (...args: Parameters<typeof check>): Promise<PodSecurityReport & { readonly code: number | null }> => {
  const { code, stdout } = await check(...args);
  const document = JSON.parse(stdout) as PodSecurityReport;
  expect(schemaErrors('check', document)).toEqual([]);
  return { ...document, code };
};

describe('a pod that violates', () => {
  it('is told with the place of each field, the container, the control and the words of the API server', async () => {
    const file = write('pod.yaml', POD);
    const { code, findings, podSecurity } = await report([file]);
    expect(code).toBe(1);
    expect(findings).toEqual([
      {
        id: 'pod-security-host-namespaces',
        severity: 'error',
        confidence: 'high',
        message: 'host namespaces (hostPID=true)',
        object: 'Pod/web',
        control: 'hostNamespaces',
        where: { file, line: 6, column: 3 },
        evidence: [{ kind: 'derived', text: 'spec.hostPID is true' }],
        fixes: [],
      },
      {
        id: 'pod-security-privileged',
        severity: 'error',
        confidence: 'high',
        message: 'privileged (container "app" must not set securityContext.privileged=true)',
        object: 'Pod/web',
        container: 'app',
        control: 'privileged',
        where: { file, line: 11, column: 9 },
        evidence: [{ kind: 'derived', text: 'spec.containers[0].securityContext.privileged is true' }],
        fixes: [],
      },
    ]);
    expect(podSecurity).toEqual({
      policy: 'restricted:v1.34',
      rulesOf: 'v1.34',
      objects: [
        {
          file,
          line: 1,
          column: 1,
          kind: 'Pod',
          name: 'web',
          enforced: true,
          outcome: 'violates',
          message:
            'violates PodSecurity "restricted:v1.34": host namespaces (hostPID=true), privileged (container "app" must not set securityContext.privileged=true)',
          findings: [0, 1],
        },
      ],
    });
  });

  it('is allowed by privileged, and by whoever fails on nothing', async () => {
    const file = write('pod.yaml', POD);
    expect(await report([file], 'privileged')).toMatchObject({ code: 0, findings: [] });
    expect((await report([file], 'baseline', '--fail-on', 'none')).code).toBe(0);
  });

  it('is shown in every format', async () => {
    const file = write('pod.yaml', POD);
    const shown = async (format: string): Promise<string> => {
      const { code, stdout } = await unroot(['check', file, '--pod-security', 'baseline', '-o', format]);
      expect(code).toBe(1);
      return stdout;
    };
    const table = await shown('table');
    expect(table).toMatch(/^Pod Security baseline:latest \(rules of v1\.37\): 1 of 1 pod violates it\n\nviolates Pod\/web /);
    expect(table).toContain(`${file}:11:9`);
    expect(table).toContain('[pod-security-privileged]');
    expect(await shown('markdown')).toContain('❌ violates Pod/web');
    const json = JSON.parse(await shown('json')) as PodSecurityReport;
    expect(parse(await shown('yaml'))).toEqual(json);
    const kinds = (await shown('ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(kinds).toEqual(['check', 'finding', 'finding']);
    const { runs } = JSON.parse(await shown('sarif')) as {
      runs: { results: { ruleId: string; locations: unknown[]; partialFingerprints: object }[] }[];
    };
    const logicalLocations = [{ fullyQualifiedName: 'Pod/web', kind: 'object' }];
    expect(runs[0]?.results.map(({ ruleId, locations }) => [ruleId, locations])).toEqual([
      [
        'pod-security-host-namespaces',
        [{ physicalLocation: { artifactLocation: { uri: file }, region: { startLine: 6, startColumn: 3 } }, logicalLocations }],
      ],
      [
        'pod-security-privileged',
        [{ physicalLocation: { artifactLocation: { uri: file }, region: { startLine: 11, startColumn: 9 } }, logicalLocations }],
      ],
    ]);
  });
});

describe('files', () => {
  it('hold several documents: controllers are warned of, what holds no pod is a note', async () => {
    const file = write('shop.yaml', `${SERVICE}---\n${DEPLOYMENT}---\n${GOOD}`);
    const { code, podSecurity, findings, unknown } = await report([file], 'baseline:v1.34');
    expect(code).toBe(1);
    expect(podSecurity.objects).toMatchObject([
      {
        kind: 'Deployment',
        namespace: 'prod',
        line: 6,
        enforced: false,
        outcome: 'violates',
        message: 'would violate PodSecurity "baseline:v1.34": hostPort (container "app" uses hostPort 80)',
      },
      { kind: 'Pod', outcome: 'allowed', line: 21, findings: [] },
    ]);
    expect(findings).toMatchObject([{ object: 'Deployment/shop', container: 'app', where: { file, line: 19, column: 39 } }]);
    expect(unknown).toEqual([`${file}: no pod in Service/shop`]);
  });

  it('name what is missing at the innermost thing that is there', async () => {
    const file = write('deployment.yaml', DEPLOYMENT);
    const { findings } = await report([file]);
    const missing = findings.filter(({ id }) => id === 'pod-security-run-as-non-root');
    expect(missing).toMatchObject([
      { container: 'prepare', where: { line: 11, column: 11 } },
      { container: 'app', where: { line: 13, column: 11 } },
    ]);
    expect(missing[0]?.message).toBe(
      'runAsNonRoot != true (pod or containers "prepare", "app" must set securityContext.runAsNonRoot=true)',
    );
    expect(missing[0]?.evidence[0]?.text).toBe(
      'spec.template.spec.initContainers[0].securityContext.runAsNonRoot is not written',
    );
  });

  it('may be JSON, a List, or standard input', async () => {
    const json = write(
      'pods.json',
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [parse(POD.replace('yes', 'true')), parse(GOOD)] }),
    );
    expect((await report([json])).podSecurity.objects.map(({ outcome }) => outcome)).toEqual(['violates', 'allowed']);
    const { stdout, status } = spawnSync(
      process.execPath,
      [freshDist(), 'check', '-', '--pod-security', 'restricted', '-ojson'],
      {
        input: POD,
        encoding: 'utf8',
        env: cleanEnv(),
      },
    );
    expect(status).toBe(1);
    expect((JSON.parse(stdout) as PodSecurityReport).podSecurity.objects[0]).toMatchObject({ file: '-', name: 'web' });
  });

  it('of a folder are all looked at, by name, and links to folders do not lead round', async () => {
    const tree = join(folder, 'tree');
    write('tree/b.yml', GOOD);
    write('tree/a/pod.yaml', POD);
    write('tree/node_modules/pod.yaml', POD);
    write('tree/readme.md', 'kind: Pod');
    symlinkSync(tree, join(tree, 'round.yaml'));
    const { podSecurity } = await report([tree]);
    expect(podSecurity.objects.map(({ file }) => file)).toEqual([join(tree, 'a/pod.yaml'), join(tree, 'b.yml')]);
  });

  it('that are templates of a chart are said to be, and hold up nothing', async () => {
    write('chart/templates/pod.yaml', 'apiVersion: v1\nkind: {{ .Values.kind }}\n');
    write('chart/pod.yaml', GOOD);
    const { code, diagnostics } = await report([join(folder, 'chart')]);
    expect(code).toBe(0);
    expect(diagnostics).toMatchObject([{ severity: 'warning', message: expect.stringContaining('helm template') }]);
  });

  it('that are broken are told by line, the rest is checked, exit 2', async () => {
    const file = write('broken.yaml', `${POD}---\nkind: [\n---\n${GOOD}`);
    const missing = join(folder, 'missing.yaml');
    const noise = write('noise.yaml', '');
    writeFileSync(noise, Buffer.from([0x61, 0xff, 0xfe]));
    const { code, podSecurity, diagnostics } = await report([file, missing, noise]);
    expect(code).toBe(2);
    expect(podSecurity.objects.map(({ outcome }) => outcome)).toEqual(['violates', 'allowed']);
    expect(diagnostics).toMatchObject([
      { severity: 'error', where: { file: missing }, message: expect.stringContaining('there is no such file') },
      { severity: 'error', where: { file: noise }, message: expect.stringContaining('no UTF-8') },
      { severity: 'error', where: { file } },
    ]);
    expect(diagnostics[2]?.where.line).toBeGreaterThanOrEqual(16);
  });

  it('with a type that the API server does not take are told so, exit 2', async () => {
    const file = write('typed.yaml', `${POD.replace('privileged: yes', 'privileged: "yes"')}---\n${POD}`);
    const { code, podSecurity, diagnostics, findings } = await report([file]);
    expect(code).toBe(2);
    expect(podSecurity.objects.map(({ outcome }) => outcome)).toEqual(['undecodable', 'violates']);
    expect(findings).toHaveLength(2);
    expect(diagnostics).toEqual([
      {
        severity: 'error',
        message:
          'Pod/web: spec.containers[0].securityContext.privileged must be true or false, is a text; the API server refuses it',
        where: { file, line: 11, column: 9 },
      },
    ]);
  });

  it('without any pod are nothing to analyse, exit 3', async () => {
    const { code, stdout, stderr } = await check([write('service.yaml', SERVICE)]);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'error', error: { code: 'input.nothing' } });
    expect(stderr).toContain('Service/shop');
    expect((await check([write('empty.yaml', '# nothing\n---\n')])).code).toBe(3);
  });

  it('with labels of Pod Security that mean nothing get a warning', async () => {
    const namespace =
      'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n  labels:\n    pod-security.kubernetes.io/enforce: strict\n';
    const { code, diagnostics } = await report([write('namespace.yaml', `${namespace}---\n${GOOD}`)]);
    expect(code).toBe(0);
    expect(diagnostics).toMatchObject([{ severity: 'warning', where: { line: 6, column: 5 } }]);
    expect(diagnostics[0]?.message).toContain('Invalid value: "strict": must be one of privileged, baseline, restricted');
  });
});

describe('exemptions', () => {
  const config = (exemptions: object): string =>
    write(
      'config.yaml',
      JSON.stringify({
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'AdmissionConfiguration',
        plugins: [
          {
            name: 'PodSecurity',
            configuration: {
              apiVersion: 'pod-security.admission.config.k8s.io/v1',
              kind: 'PodSecurityConfiguration',
              exemptions,
            },
          },
        ],
      }),
    );

  it.each([
    [{ namespaces: ['prod'] }, [], 'namespace'],
    [{ usernames: ['ci'] }, ['--as', 'ci'], 'user'],
    [{ runtimeClasses: ['kata'] }, [], 'runtimeClass'],
  ])('by %j', async (exemptions, flags, exempt) => {
    const { code, podSecurity } = await report(
      [write('deployment.yaml', DEPLOYMENT)],
      'restricted',
      '--pod-security-config',
      config(exemptions),
      ...flags,
    );
    expect(code).toBe(0);
    expect(podSecurity.objects).toMatchObject([{ outcome: 'exempt', exempt, findings: [] }]);
  });

  it('by the namespace that --namespace says, for objects that name none', async () => {
    const file = write('pod.yaml', POD);
    const path = config({ namespaces: ['kube-system'] });
    expect((await report([file], 'restricted', '--pod-security-config', path)).code).toBe(1);
    expect((await report([file], 'restricted', '--pod-security-config', path, '--namespace', 'kube-system')).code).toBe(0);
  });
});

describe('bad usage', () => {
  it.each([
    [['--pod-security', 'strict'], '"strict" names no level'],
    [['--pod-security', 'restricted:1.34'], 'names no version'],
    [['--pod-security', 'restricted', '--trace'], '--trace'],
    [['--pod-security', 'restricted', '--pod-security-config', '/does/not/exist'], 'there is no such file'],
  ])('%j is exit 2 with one message', async (args, words) => {
    const { code, stdout, stderr } = await unroot(['check', write('pod.yaml', POD), ...args]);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(words);
  });

  it('a configuration that the API server would not start with is told', async () => {
    const path = write(
      'bad.yaml',
      'apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\ndefaults: {enforce: strict}\n',
    );
    const { code, stderr } = await check([write('pod.yaml', POD)], 'baseline', '--pod-security-config', path);
    expect(code).toBe(2);
    expect(stderr.replace(/\s+/g, ' ')).toContain('defaults.enforce: Invalid value: "strict"');
  });
});
