/** Low ports and capabilities through `unroot fix`: one small program, on the platforms that differ, started directly and by a script. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { encodeFileCapabilities } from '../src/linux/capability.ts';
import type { FixReport } from '../src/report/report.ts';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { reportOf, schemaErrors, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { type LayerItem, writeLayout } from './support/image-builder.ts';

const engine = onPath('runc') ? 'runc' : 'builtin';
const missing = ['gcc', 'setfattr'].find((program) => !onPath(program));
const why =
  process.getuid?.() !== 0
    ? 'needs root'
    : (whyNoBusyboxImage ?? (missing && `${missing} is missing: apt-get install -y gcc libc6-dev attr`));
if (why !== undefined) console.warn(`SKIPPED: low ports and capabilities: ${why}`);

/** Nobody else on a test machine listens there. */
const LOW = 917;

/** `serve [-p PORT] [-c FILE] [-u] [-r | -g]`: greets on TCP, and binds UDP too (-u); first it wants a packet socket (-r), or any to ping with (-g). */
const SERVE = String.raw`
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static int open_port(int type, int port) {
  int fd = socket(AF_INET, type, 0), one = 1;
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&at, sizeof at)) { perror("bind"); exit(1); }
  return fd;
}
int main(int argc, char **argv) {
  int port = getenv("PORT") ? atoi(getenv("PORT")) : 917, udp = 0, option;
  char line[200];
  signal(SIGTERM, exit);
  while ((option = getopt(argc, argv, "p:c:urg")) != -1) {
    if (option == 'p') port = atoi(optarg);
    if (option == 'u') udp = 1;
    if (option == 'c') {
      FILE *file = fopen(optarg, "r");
      while (file && fgets(line, sizeof line, file)) sscanf(line, "listen = 0.0.0.0:%d", &port);
    }
    if (option == 'r' && socket(AF_PACKET, SOCK_RAW, htons(3)) < 0) { perror("packet socket"); return 1; }
    if (option == 'g' && socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) < 0 && socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0) { perror("ping"); return 1; }
  }
  int fd = open_port(SOCK_STREAM, port);
  if (listen(fd, 9)) return 1;
  if (udp) open_port(SOCK_DGRAM, port);
  for (;;) {
    int client = accept(fd, 0, 0);
    if (client < 0) continue;
    if (write(client, "220 here I am\r\n", 15) != 15) return 1;
    usleep(200000);
    close(client);
  }
}
`;

let folder = '';
let serial = 0;
let program: Uint8Array = new Uint8Array();
beforeAll(() => {
  if (why !== undefined) return;
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-low-ports-'));
  writeFileSync(join(folder, 'serve.c'), SERVE);
  execFileSync('gcc', ['-O1', '-static', '-o', join(folder, 'serve'), join(folder, 'serve.c')]);
  program = readFileSync(join(folder, 'serve'));
});
afterAll(() => folder !== '' && rmSync(folder, { recursive: true, force: true }));

interface Scene {
  readonly cmd: readonly string[];
  readonly env?: readonly string[];
  readonly items?: readonly LayerItem[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly serve?: Partial<LayerItem>;
}

function imageOf({ cmd, env = [], items = [], config = {}, serve = {} }: Scene): string {
  const layers = [
    ...busyboxSpec().layers,
    [
      { path: '/etc/passwd', content: 'root:x:0:0::/:/bin/sh\n' },
      { path: '/etc/group', content: 'root:x:0:\n' },
      { path: '/serve', content: program, mode: 0o755, ...serve },
      { path: '/start', content: '#!/bin/sh\n/serve "$@" &\nwait\n', mode: 0o755 },
      ...items,
    ],
  ] as const;
  const all = { Env: ['PATH=/bin', ...env], Cmd: cmd, WorkingDir: '/', ...config };
  return `oci:${writeLayout(join(folder, `image${serial++}`), { layers, config: all })}:latest`;
}

interface Fixed {
  readonly report: FixReport;
  readonly out: string;
}

async function fix(image: string, platform: string, ...args: string[]): Promise<Fixed> {
  const out = join(folder, `out${serial++}`);
  mkdirSync(out);
  const flags = ['--engine', engine, '--platform-profile', platform, '--out', out, '-o', 'json', '-v', ...args];
  const result = await unroot(['fix', image, ...flags]);
  const report = reportOf<FixReport>(result, 'fix');
  expect(schemaErrors('fix', report)).toEqual([]);
  return { report, out };
}

const ids = ({ report }: Fixed): readonly string[] => report.fixes.map(({ id }) => id);
const file = ({ out }: Fixed, name: string): string => readFileSync(join(out, name), 'utf8');
const capabilities = ({ report }: Fixed): unknown =>
  report.fixes.flatMap(({ layer }) => layer.flatMap((one) => (one.kind === 'own' ? (one.capabilities ?? []) : [])));
const ok = (fixed: Fixed): void => expect(fixed.report.verdict, JSON.stringify(fixed.report.proof?.reasons)).toBe('proved');

const HOST = ['--network', 'host'];

describe.skipIf(why !== undefined)('a low port', () => {
  it('needs nothing where the platform opens it', async () => {
    const fixed = await fix(imageOf({ cmd: ['/serve'] }), 'docker');
    ok(fixed);
    expect(ids(fixed)).toEqual([]);
  });

  it('is opened by the sysctl, for both protocols at once', async () => {
    const fixed = await fix(imageOf({ cmd: ['/serve', '-u'] }), 'podman');
    ok(fixed);
    expect(ids(fixed)).toEqual(['unprivileged-port']);
    expect(fixed.report.run.ports).toEqual([
      { from: LOW, to: LOW },
      { from: LOW, to: LOW, protocol: 'udp' },
    ]);
  });

  it('of the host’s network takes a capability: ambient where the runtime gives it', async () => {
    const fixed = await fix(imageOf({ cmd: ['/start'] }), 'podman', ...HOST);
    ok(fixed);
    expect(fixed.report.run).toMatchObject({ capAdd: ['NET_BIND_SERVICE'], noNewPrivileges: true, network: 'host', sysctls: {} });
    expect(capabilities(fixed)).toEqual([]);
    expect(file(fixed, 'pod.yaml')).toContain('# NET_BIND_SERVICE: Kubernetes does not make an added capability effective');
  });

  it('of the host’s network takes a file capability elsewhere, and keeps no_new_privs when the runtime starts the program itself', async () => {
    const fixed = await fix(imageOf({ cmd: ['/serve'] }), 'containerd-2', ...HOST);
    ok(fixed);
    expect(capabilities(fixed)).toEqual(['CAP_NET_BIND_SERVICE']);
    expect(fixed.report.run).toMatchObject({ capAdd: ['NET_BIND_SERVICE'], noNewPrivileges: true });
  });

  it('behind a script takes no_new_privs off as well, and the pod says who refuses that', async () => {
    const fixed = await fix(imageOf({ cmd: ['/start'] }), 'crio', '--port-strategy', 'capability');
    ok(fixed);
    expect(fixed.report.run.noNewPrivileges).toBe(false);
    const pod = parse(file(fixed, 'pod.yaml'));
    expect(pod.spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: true,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    });
    expect(file(fixed, 'pod.yaml')).toMatch(
      /^# Pod Security restricted refuses this pod, baseline takes it: allowPrivilegeEscalation/,
    );
    // No setcap in the image: the layer comes as an archive, which keeps the attribute.
    expect(file(fixed, 'Dockerfile')).toContain('ADD layer.tar /');
  });

  it('has no capability behind a script where privileges may not grow, and says so', async () => {
    const image = imageOf({ cmd: ['/start', '-p', `${LOW}`] });
    const fixed = await fix(image, 'openshift-restricted-v2', '--port-strategy', 'capability');
    expect(fixed.report.verdict).toBe('failed');
    expect(JSON.stringify(fixed.report.proof?.reasons)).toContain('Allowing privilege escalation for containers is not allowed');
  });

  it('moves then', async () => {
    const fixed = await fix(imageOf({ cmd: ['/start', '-p', `${LOW}`] }), 'crio', ...HOST, '--security-opt', 'no-new-privileges');
    ok(fixed);
    expect(ids(fixed)).toEqual(['move-port']);
    expect(file(fixed, 'pod.yaml')).toContain('nodes answer on the new port only');
  });
});

describe.skipIf(why !== undefined)('a port that moves', () => {
  const move = ['--port-strategy', 'move'];
  const TO = LOW + 8000;
  const moved = (fixed: Fixed): void => {
    ok(fixed);
    expect(ids(fixed)).toEqual(['move-port']);
    expect(fixed.report.run.ports[0]).toEqual({ from: LOW, to: TO });
    expect(fixed.report.run.sysctls).toEqual({});
  };

  it('is said on the command line: both protocols, a Service, and the published port', async () => {
    const fixed = await fix(
      imageOf({ cmd: ['/serve', '-u', '-p', `${LOW}`], config: { ExposedPorts: { [`${LOW}/udp`]: {} } } }),
      'podman',
      ...move,
    );
    moved(fixed);
    const [pod, service] = parseAllDocuments(file(fixed, 'pod.yaml')).map((document) => document.toJS());
    expect(pod.spec.containers[0].ports.map((port: { containerPort: number }) => port.containerPort)).toEqual([TO, TO]);
    expect(service).toMatchObject({
      kind: 'Service',
      spec: {
        ports: [
          { port: LOW, targetPort: TO, protocol: 'TCP' },
          { port: LOW, targetPort: TO, protocol: 'UDP' },
        ],
      },
    });
    const compose = parse(file(fixed, 'compose.yaml'));
    expect(Object.values<{ ports: string[] }>(compose.services)[0]?.ports).toEqual([`${LOW}:${TO}`, `${LOW}:${TO}/udp`]);
    const index = JSON.parse(file(fixed, 'image/index.json'));
    const blob = (digest: string) => JSON.parse(file(fixed, `image/blobs/${digest.replace(':', '/')}`));
    const config = blob(blob(index.manifests[0].digest).config.digest).config;
    expect(config.ExposedPorts).toEqual({ [`${TO}/udp`]: {} });
  });

  it('is said in a variable', async () => {
    const fixed = await fix(imageOf({ cmd: ['/serve'], env: [`PORT=${LOW}`] }), 'podman', ...move);
    moved(fixed);
    expect(fixed.report.run.env).toEqual({ PORT: `${TO}` });
  });

  it('is said in a file that the program reads; the health check and the probe follow', async () => {
    const items = [
      { path: '/etc/serve.conf', content: `# listen = 0.0.0.0:${LOW}\nbackend = 10.0.0.1:${LOW}\nlisten = 0.0.0.0:${LOW}\n` },
    ];
    const config = { Healthcheck: { Test: ['CMD-SHELL', `nc -w 1 127.0.0.1 ${LOW} < /dev/null | grep -q here`] } };
    const image = imageOf({ cmd: ['/serve', '-c', '/etc/serve.conf'], items, config });
    const fixed = await fix(image, 'podman', ...move, '--probe', `nc -w 1 127.0.0.1 ${LOW} < /dev/null | grep -q here`);
    moved(fixed);
    expect(fixed.report.fixes[0]?.layer[0]).toMatchObject({
      content: `# listen = 0.0.0.0:${LOW}\nbackend = 10.0.0.1:${LOW}\nlisten = 0.0.0.0:${TO}\n`,
    });
    expect(fixed.report.run.healthcheck?.[1]).toContain(`127.0.0.1 ${TO}`);
    const reasons = fixed.report.proof?.reasons.map(({ text }) => text) ?? [];
    expect(reasons).toContain('the health check succeeds in both runs');
    expect(reasons).toContain('the probe command succeeds in both runs');
  });

  it('is said nowhere: the program is asked in the words that such programs understand', async () => {
    const fixed = await fix(imageOf({ cmd: ['/serve'] }), 'podman', ...move);
    moved(fixed);
    expect(fixed.report.run.env).toEqual({ PORT: `${TO}` });
  });

  it('stays, and that is said, when nothing moves it', async () => {
    const fixed = await fix(
      imageOf({ cmd: ['/start'], items: [{ path: '/start', content: '#!/bin/sh\nunset PORT\n/serve &\nwait\n', mode: 0o755 }] }),
      'podman',
      ...move,
    );
    expect(fixed.report.verdict).toBe('failed');
    expect(ids(fixed)).toEqual([]);
    expect(fixed.report.unresolved.map(({ id }) => id)).toContain('low-port');
  });
});

describe.skipIf(why !== undefined)('a capability that the work needs', () => {
  it('is carried by the file where the runtime gives none, and by no other', async () => {
    const fixed = await fix(imageOf({ cmd: ['/serve', '-r', '-p', '8080'] }), 'docker');
    ok(fixed);
    expect(ids(fixed)).toEqual(['needed-capability']);
    expect(capabilities(fixed)).toEqual(['CAP_NET_RAW']);
    expect(fixed.report.run.capAdd).toEqual(['NET_RAW']);
    expect(file(fixed, 'pod.yaml')).toMatch(/^# Pod Security baseline and restricted refuse this pod: .*NET_RAW/);
  });

  it('that was given on the command line is made effective too', async () => {
    const fixed = await fix(imageOf({ cmd: ['/serve', '-r', '-p', '8080'] }), 'crio', '--cap-add', 'NET_RAW');
    ok(fixed);
    expect(capabilities(fixed)).toEqual(['CAP_NET_RAW']);
  });

  it('is not given where privileges may not grow, and what to do instead is said', async () => {
    const fixed = await fix(
      imageOf({ cmd: ['/start', '-r', '-p', '8080'] }),
      'containerd-2',
      '--security-opt',
      'no-new-privileges',
    );
    expect(fixed.report.run.capAdd).toEqual([]);
    expect(fixed.report.verdict).not.toBe('proved');
    expect(fixed.report.unknown?.join()).toContain('NET_RAW cannot be made effective for uid 10001 on containerd-2');
  });

  it('is not given where a sysctl does: ping sockets', async () => {
    const fixed = await fix(imageOf({ cmd: ['/serve', '-g', '-p', '8080'] }), 'containerd-1');
    ok(fixed);
    expect(ids(fixed)).toEqual(['ping-group']);
    expect(fixed.report.run).toMatchObject({ capAdd: [], sysctls: { 'net.ipv4.ping_group_range': '10001 10001' } });
  });

  it('of a file that the container may not have is taken off it when the work goes on without', async () => {
    const attribute = encodeFileCapabilities({ permitted: ['CAP_NET_RAW'], inheritable: [], effective: true });
    const serve = { xattrs: { 'security.capability': attribute } };
    const direct = await fix(imageOf({ cmd: ['/serve', '-p', '8080'], serve }), 'docker');
    ok(direct);
    expect(ids(direct)).toEqual(['file-capabilities']);
    const script = await fix(imageOf({ cmd: ['/start', '-g', '-p', '8080'], serve }), 'docker');
    ok(script);
    expect(ids(script)).toEqual(['file-capabilities']);
    expect(script.report.run.capAdd).toEqual([]);
  });
});
