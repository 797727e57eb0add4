import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { Run } from '../../finding/fix.ts';
import { evaluate } from '../../pod-security/evaluate.ts';
import { readPod } from '../../pod-security/read-pod.ts';
import type { ArtifactInput } from './artifact.ts';
import { dnsLabel } from './artifact.ts';
import { composeYaml } from './compose.ts';
import { dockerfile } from './dockerfile.ts';
import { migrateYaml } from './migrate.ts';
import { podYaml } from './pod.ts';

const RUN: Run = {
  user: '10001:10001',
  env: { HOME: '/home/nonroot' },
  ports: [
    { from: 80, to: 80 },
    { from: 53, to: 53, protocol: 'udp' },
  ],
  tmpfs: ['/scratch:mode=1777'],
  volumes: [{ path: '/data', owner: '10001:10001', mode: '0755' }],
  capAdd: [],
  capDrop: ['ALL'],
  sysctls: { 'net.ipv4.ip_unprivileged_port_start': '53' },
  noNewPrivileges: true,
  readOnly: false,
};

const INPUT: ArtifactInput = {
  name: 'nginx-unroot:latest',
  baseName: 'nginx:latest',
  layer: [
    { kind: 'own', path: '/run', uid: 10001, gid: 10001, mode: 0o755 },
    { kind: 'file', path: "/it's.log", uid: 10001, gid: 10001, mode: 0o644, content: '' },
  ],
  run: RUN,
  fixedRun: RUN,
  hasShell: true,
  exposedPorts: [{ port: 80, protocol: 'tcp' }],
  volumes: ['/data', '/more', '/full'],
  withContent: ['/full'],
};

describe('podYaml', () => {
  const pod = parse(podYaml(INPUT));

  it('meets every control of Pod Security restricted', () => {
    const read = readPod(pod);
    expect(read.problems).toEqual([]);
    for (const version of [0, 22, 34, 'latest'] as const)
      expect(evaluate(read.pod, { level: 'restricted', version })).toEqual([]);
    const [container] = pod.spec.containers;
    expect(pod.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 10001,
      runAsGroup: 10001,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
    for (const volume of pod.spec.volumes) expect(Object.keys(volume)).toEqual(['name', 'emptyDir']);
    expect(pod.spec.securityContext.sysctls).toEqual([{ name: 'net.ipv4.ip_unprivileged_port_start', value: '53' }]);
  });

  it('mounts every empty volume once, and opens them to the group', () => {
    expect(pod.spec.containers[0].volumeMounts.map((mount: { mountPath: string }) => mount.mountPath)).toEqual([
      '/data',
      '/more',
      '/scratch',
    ]);
    expect(pod.spec.securityContext.fsGroup).toBe(10001);
  });
});

describe('volumes with old data', () => {
  const old: ArtifactInput = {
    ...INPUT,
    hasChown: true,
    withContent: ['/data'],
    run: {
      ...RUN,
      volumes: [
        { path: '/data', owner: '10001:10001', mode: '0700', remedy: 'migrate', commands: ['chown -Rh 10001:10001 /data'] },
      ],
    },
  };
  const documents = parseAllDocuments(migrateYaml(old) ?? '').map((document) => document.toJS());

  it('a job makes the claims the user’s, as root with three capabilities: baseline, not restricted', () => {
    expect(documents.map(({ kind }) => kind)).toEqual(['PersistentVolumeClaim', 'Job']);
    const template = documents[1].spec.template;
    const { pod, problems } = readPod({ apiVersion: 'v1', kind: 'Pod', metadata: {}, spec: template.spec });
    expect(problems).toEqual([]);
    expect(evaluate(pod, { level: 'baseline', version: 'latest' })).toEqual([]);
    expect(evaluate(pod, { level: 'restricted', version: 'latest' })).not.toEqual([]);
    expect(template.spec.containers[0].securityContext.capabilities).toEqual({
      drop: ['ALL'],
      add: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'],
    });
    expect(template.spec.volumes[0].persistentVolumeClaim.claimName).toBe(documents[0].metadata.name);
  });

  it('the pod mounts the same claims without fsGroup, and stays restricted', () => {
    const text = podYaml(old);
    const pod = parse(text);
    expect(evaluate(readPod(pod).pod, { level: 'restricted', version: 'latest' })).toEqual([]);
    expect(pod.spec.securityContext).not.toHaveProperty('fsGroup');
    expect(pod.spec.volumes[0]).toEqual({
      name: 'data-0',
      persistentVolumeClaim: { claimName: documents[0].metadata.name },
    });
    expect(pod.spec.containers[0].volumeMounts[0]).toEqual({ name: 'data-0', mountPath: '/data' });
    expect(text).toMatch(/^#.*initContainers:/m);
  });

  it('the init container of the comment is one', () => {
    const lines = podYaml(old)
      .split('\n')
      .filter((line) => line.startsWith('#   '));
    const pod = parse(podYaml(old));
    Object.assign(pod.spec, parse(lines.map((line) => line.slice(4)).join('\n')));
    const read = readPod(pod);
    expect(read.problems).toEqual([]);
    expect(evaluate(read.pod, { level: 'baseline', version: 'latest' })).toEqual([]);
    expect(pod.spec.initContainers[0].volumeMounts[0].name).toBe('data-0');
  });

  it('compose has the step as a service that is not started with the rest', () => {
    const services = parse(composeYaml(old)).services;
    expect(services['volumes-init']).toMatchObject({
      profiles: ['migrate'],
      user: '0:0',
      cap_drop: ['ALL'],
      network_mode: 'none',
      command: ['chown -Rh 10001:10001 /data'],
      volumes: ['nginx-unroot-data:/data'],
    });
    expect(services['nginx-unroot'].volumes).toContain('nginx-unroot-data:/data');
  });

  it('without old data there is no job and no step', () => {
    expect(migrateYaml(INPUT)).toBeUndefined();
    expect(parse(composeYaml(INPUT)).services).not.toHaveProperty('volumes-init');
  });
});

describe('composeYaml', () => {
  it('asks for the same things', () => {
    const service = parse(composeYaml(INPUT)).services['nginx-unroot'];
    expect(service).toMatchObject({
      user: '10001:10001',
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '53' },
      ports: ['80:80', '53:53/udp'],
      environment: { HOME: '/home/nonroot' },
    });
  });
});

describe('dockerfile', () => {
  it('leaves out what was only given for the run', () => {
    const given = { ...INPUT, run: { ...RUN, env: { ...RUN.env, PASSWORD: 'told for the run' }, command: ['--debug'] } };
    expect(dockerfile(given)).toBe(dockerfile(INPUT));
    expect(podYaml(given)).toContain('told for the run');
  });

  it('changes each path by name, never recursively, and ends as the user', () => {
    const text = dockerfile(INPUT);
    expect(text).toContain('FROM nginx:latest\n');
    expect(text).toContain('chown 10001:10001 /run');
    expect(text).toContain(`: > '/it'\\''s.log'`);
    expect(text).not.toMatch(/-R\b/);
    expect(text.trim().split('\n').at(-1)).toBe('USER 10001:10001');
  });

  it('comes with an archive when there is no shell', () => {
    expect(dockerfile({ ...INPUT, hasShell: false })).toContain('ADD layer.tar /');
  });
});

describe('dnsLabel', () => {
  it.each([
    ['nginx', 'nginx'],
    ['localhost/My_App:1.0', 'my-app'],
    ['registry:5000/a/b@sha256:00', 'b'],
    ['///', 'app'],
  ])('%s → %s', (name, label) => {
    expect(dnsLabel(name)).toBe(label);
  });
});
