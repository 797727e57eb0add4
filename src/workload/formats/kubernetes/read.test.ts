/** Manifests as people write them: kinds, places, lists, anchors, broken documents. */
import { describe, expect, it } from 'vitest';
import { sourceFile } from '../../../text/source-file.ts';
import type { Span } from '../../../text/span.ts';
import { type Manifests, readManifests, spanNearPodField } from './read.ts';

const read = (text: string, path = 'a.yaml'): Manifests => readManifests([sourceFile(path, text)]);
const at = (span: Span | undefined): string => (span === undefined ? '' : `${span.line}:${span.column}`);
const textAt = (text: string, span: Span | undefined): string => (span === undefined ? '' : text.slice(span.start, span.end));

const POD = 'spec:\n  containers:\n    - name: app\n      image: app:1\n';
const indented = (text: string, by: number): string => text.replace(/^/gm, ' '.repeat(by)).trimEnd();

describe('kinds', () => {
  const KINDS: readonly (readonly [string, string, string, string])[] = [
    ['Pod', 'v1', '', 'x'],
    ['Deployment', 'apps/v1', 'spec.template', 'x-<hash>-<id>'],
    ['StatefulSet', 'apps/v1', 'spec.template', 'x-0'],
    ['DaemonSet', 'apps/v1', 'spec.template', 'x-<id>'],
    ['ReplicaSet', 'apps/v1', 'spec.template', 'x-<id>'],
    ['ReplicationController', 'v1', 'spec.template', 'x-<id>'],
    ['Job', 'batch/v1', 'spec.template', 'x-<id>'],
    ['CronJob', 'batch/v1', 'spec.jobTemplate.spec.template', 'x-<time>-<id>'],
    ['PodTemplate', 'v1', 'template', 'x-<id>'],
    // Argo's, and one that nobody knows, which holds it somewhere else.
    ['Rollout', 'argoproj.io/v1alpha1', 'spec.template', 'x-<id>'],
    ['Thing', 'example.com/v1', 'spec.parts.worker.pod', 'x-<id>'],
  ];
  it.each(KINDS)('%s', (kind, apiVersion, path, podName) => {
    const parts = path === '' ? [] : path.split('.');
    const nested = parts.map((part, depth) => `${'  '.repeat(depth)}${part}:\n`).join('');
    const text = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: x\n  namespace: shop\n${nested}${indented(POD, parts.length * 2)}\n`;
    const { workloads, problems } = read(text);
    expect(problems).toEqual([]);
    expect(workloads).toHaveLength(1);
    const [workload] = workloads;
    expect(workload).toMatchObject({ kind, name: 'x', namespace: 'shop', podPath: parts });
    const [container] = workload!.containers;
    expect(container).toMatchObject({ name: 'app', role: 'container', image: 'app:1' });
    expect(container!.settings.pod).toMatchObject({ name: podName, namespace: 'shop' });
    expect(textAt(text, container!.spans.image)).toBe('app:1');
  });

  it('takes lists apart, also those of one kind, whose items need not say it', () => {
    const pod = (name: string): object => ({ metadata: { name }, spec: { containers: [{ name: 'a', image: 'b' }] } });
    const full = { apiVersion: 'v1', kind: 'Pod', ...pod('one') };
    const text = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [full, { apiVersion: 'v1', kind: 'PodList', items: [pod('two')] }],
    });
    const { workloads } = read(text, 'list.json');
    expect(workloads.map((one) => one.name)).toEqual(['one', 'two']);
    expect(textAt(text, workloads[1]!.containers[0]!.spans.image)).toBe('"b"');
  });

  it('keeps what makes no pods, and counts what is no object', () => {
    const { workloads, others, foreign, problems } = read(
      'apiVersion: v1\nkind: Service\nmetadata: {name: s}\n---\nservices: {web: {image: nginx}}\n---\n\n---\n# nothing\n---\n- a\n',
    );
    expect(workloads).toEqual([]);
    expect(others).toMatchObject([{ kind: 'Service', name: 's' }]);
    expect(foreign).toBe(2);
    expect(problems).toEqual([]);
  });

  it('reads the schema of a kind that speaks of pods as no pod', () => {
    const text = `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\nexample:\n${indented(POD, 2)}\n`;
    expect(read(text).workloads).toEqual([]);
  });

  it('says which versions are gone, and which it does not know', () => {
    const of = (apiVersion: string): unknown =>
      read(`kind: Deployment\napiVersion: ${apiVersion}\nmetadata: {name: x}\nspec:\n  template:\n${indented(POD, 4)}\n`)
        .problems;
    expect(of('extensions/v1beta1')).toEqual([
      {
        severity: 'error',
        message: 'Deployment of extensions/v1beta1 is not served since Kubernetes 1.16: write apiVersion apps/v1',
        where: { file: 'a.yaml', line: 2, column: 1 },
      },
    ]);
    expect(of('apps/v7')).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('apps/v7 has no kind Deployment') },
    ]);
    expect(of('apps/v1')).toEqual([]);
  });
});

describe('containers', () => {
  it('have their role, their settings as the kubelet merges them, and the place of each', () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  hostUsers: false
  securityContext:
    runAsUser: 1000
    runAsNonRoot: yes
    fsGroup: 0644
  initContainers:
    - {name: setup, image: i}
    - name: proxy
      image: p
      restartPolicy: Always
      securityContext: {runAsUser: 7}
  containers:
    - null
    - name: main
      image: "m"
      securityContext:
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
  ephemeralContainers:
    - name: debug
      image: d
`;
    const { workloads } = read(text);
    const { containers } = workloads[0]!;
    expect(containers.map(({ name, role }) => [name, role])).toEqual([
      ['setup', 'init'],
      ['proxy', 'sidecar'],
      ['main', 'container'],
      ['debug', 'ephemeral'],
    ]);
    expect(containers[0]!.settings).toMatchObject({ runAsUser: 1000, runAsNonRoot: true, fsGroup: 420, hostUsers: false });
    expect(at(containers[0]!.spans.runAsUser)).toBe('7:16');
    expect(containers[1]!.settings.runAsUser).toBe(7);
    expect(at(containers[1]!.spans.runAsUser)).toBe('15:36');
    expect(containers[2]!.settings).toMatchObject({ capDrop: ['ALL'], noNewPrivileges: true });
    expect(textAt(text, containers[2]!.spans.capDrop)).toBe('[ALL]');
    expect(textAt(text, containers[2]!.spans.image)).toBe('"m"');
    expect(textAt(text, containers[3]!.spans.name)).toBe('debug');
    expect(at(spanNearPodField(workloads[0]!, ['spec', 'containers', 1, 'securityContext', 'runAsNonRoot']))).toBe('21:9');
  });

  it('are read through anchors, aliases and merge keys, and point at where the value stands', () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: p}
x: &strict
  runAsUser: 1000
  runAsNonRoot: true
spec:
  containers:
    - name: a
      image: &image i:1
      securityContext: *strict
    - name: b
      image: *image
      securityContext:
        <<: *strict
        runAsUser: 2000
`;
    const [a, b] = read(text).workloads[0]!.containers;
    expect(a!.settings).toMatchObject({ runAsUser: 1000, runAsNonRoot: true });
    expect(at(a!.spans.runAsUser)).toBe('5:14');
    expect(b).toMatchObject({ image: 'i:1', settings: { runAsUser: 2000, runAsNonRoot: true } });
    expect([at(b!.spans.runAsUser), at(b!.spans.runAsNonRoot)]).toEqual(['16:20', '6:17']);
  });

  it('know ConfigMaps of other files, of their namespace first', () => {
    const map = (data: string, namespace = ''): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c${namespace}}\ndata: {HOME: ${data}}\n`;
    const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec:\n  containers:\n    - {name: a, image: i, envFrom: [{configMapRef: {name: c}}]}\n`;
    const env = (...maps: string[]): unknown =>
      readManifests([pod, ...maps].map((text, index) => sourceFile(`${index}.yaml`, text))).workloads[0]!.containers[0]!.settings
        .env;
    expect(env(map('/any'))).toEqual({ HOME: '/any' });
    expect(env(map('/shop', ', namespace: shop'), map('/any'))).toEqual({ HOME: '/shop' });
    expect(env(map('/other', ', namespace: other'))).toBeUndefined();
  });
});

describe('what is wrong with a file', () => {
  it('is said with its place, and the other documents are read', () => {
    const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: one}\n${POD}---\na: [1\nb: 2\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: two}\n${POD}`;
    for (const file of [text, `\ufeff${text}`, text.replaceAll('\n', '\r\n')]) {
      const { workloads, problems } = read(file);
      expect(workloads.map(({ name, span }) => [name, span?.line])).toEqual([
        ['one', 1],
        ['two', 12],
      ]);
      expect(problems).toMatchObject([
        { severity: 'error', where: { file: 'a.yaml', line: expect.any(Number), column: expect.any(Number) } },
      ]);
      expect([9, 10]).toContain(problems[0]!.where.line);
    }
  });

  it('a key that is there twice: the last one counts, as in kubectl', () => {
    const { workloads, problems } = read(`apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n${POD}      image: other\n`);
    expect(workloads[0]!.containers[0]!.image).toBe('other');
    expect(problems).toEqual([
      {
        severity: 'warning',
        message: 'key "image" is there twice; the last one counts',
        where: { file: 'a.yaml', line: 8, column: 7 },
      },
    ]);
  });

  it('aliases that would grow without end are refused at once', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `x${i}: &x${i} [${i === 0 ? '1' : `*x${i - 1},`.repeat(9)}]`);
    const started = process.cpuUsage().user;
    const { workloads, problems } = read(`apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n${POD}${lines.join('\n')}\n`);
    expect(workloads).toEqual([]);
    expect(problems).toMatchObject([{ severity: 'error', message: 'document contains excessive aliasing' }]);
    expect(process.cpuUsage().user - started).toBeLessThan(2_000_000);
  });

  it('thousands of brackets in each other are too many', () => {
    for (const text of [
      '['.repeat(100_000),
      `a: ${'{a: '.repeat(50_000)}`,
      `a:\n${Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i + 1)}a:`).join('\n')}`,
    ])
      expect(read(text).workloads).toEqual([]);
  });

  it('a template of a chart is told from broken YAML, once, with the way to render it', () => {
    const template =
      'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ include "x" . }}\n{{- if .Values.a }}\nspec: 1\n{{- end }}\n---\n{{ toYaml . }}\n';
    const { problems } = read(template, 'charts/web/templates/deployment.yaml');
    expect(problems).toEqual([
      {
        severity: 'warning',
        message:
          'this is a template, not YAML yet: render its chart and check what comes out, helm template charts/web | unroot check -',
        where: { file: 'charts/web/templates/deployment.yaml', line: 4, column: 9 },
      },
    ]);
    // Prometheus rules hold such brackets as text.
    expect(
      read('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: |\n    {{ $labels.x }}\n  b: "{{ y }}"\n').problems,
    ).toEqual([]);
  });

  it('a field that the API server cannot decode: its words', () => {
    const text = `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  template:\n${indented(POD, 4)}\n          securityContext:\n            runAsUser: "1000"\n`;
    const { rejected } = read(text).workloads[0]!;
    expect(rejected).toMatchObject({
      reason: 'BadRequest',
      message:
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field SecurityContext.spec.template.spec.containers.securityContext.runAsUser of type int64',
    });
    expect(at(rejected!.span)).toBe('11:24');
  });

  it('never makes the reader fail', () => {
    for (const text of [
      'apiVersion: v1\nkind: Pod',
      'apiVersion: v1\nkind: Pod\nspec: 5',
      'apiVersion: v1\nkind: Pod\nspec: {containers: {a: b}}',
      'apiVersion: v1\nkind: Pod\nspec: {containers: [1, a, [x], {name: 5, image: [a], securityContext: x, env: {a: b}, volumeMounts: 1}]}',
      'apiVersion: v1\nkind: Pod\nmetadata: []\nspec: {securityContext: [], volumes: 1, containers: [{}]}',
      'apiVersion: apps/v1\nkind: Deployment\nspec: {template: 7}',
      'apiVersion: v1\nkind: List\nitems: {}',
      'apiVersion: v1\nkind: List\nitems: [1, null, []]',
      'apiVersion: v1\nkind: Pod\n__proto__: {x: 1}\nspec: {containers: [{name: a, __proto__: {image: x}}]}',
    ])
      expect(() => read(text), text).not.toThrow();
  });
});
