/** Kubernetes probes and lifecycle handlers, made from inside the pod's network (kubernetes pkg/probe, pkg/kubelet/prober). */
import type { Container } from '../engine/engine.ts';
import type { Handler, PodContainer } from '../workload/formats/kubernetes/pod-spec.ts';

export interface Probe extends Handler {
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
}

export interface ProbeAnswer {
  readonly ok: boolean;
  /** As the kubelet's event has it after `Readiness probe failed: `. */
  readonly message: string;
}

// Raw, so that it is seen as the text it is: a program for another process.
const REQUEST = String.raw`const { scheme, host, port, path, headers, timeout, tcp } = JSON.parse(process.argv[1]);
const say = (ok, message) => { process.stdout.write(JSON.stringify({ ok, message })); process.exit(0); };
setTimeout(() => say(false, tcp ? 'dial tcp ' + host + ':' + port + ': i/o timeout' : 'Get "' + scheme + '://' + host + ':' + port + path + '": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'), timeout);
const refused = (error) => say(false, (tcp ? '' : 'Get "' + scheme + '://' + host + ':' + port + path + '": ') + 'dial tcp ' + host + ':' + port + ': connect: ' + (error.code === 'ECONNREFUSED' ? 'connection refused' : error.message));
if (tcp) require('node:net').connect(port, host).on('connect', () => say(true, '')).on('error', refused);
else require('node:' + scheme).get({ host, port, path, headers, rejectUnauthorized: false, agent: false }, (answer) => say(answer.statusCode >= 200 && answer.statusCode < 400, 'HTTP probe failed with statuscode: ' + answer.statusCode)).on('error', refused);`;

/** Does it once. `address`: the pod's own. */
export async function askProbe(
  probe: Probe,
  container: Container,
  spec: Pick<PodContainer, 'ports'>,
  address: string,
): Promise<ProbeAnswer> {
  const timeoutMs = Math.max(1, probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec !== undefined) {
    const { code, stdout, stderr, timedOut } = await container.exec(probe.exec.command ?? [], { timeoutMs });
    if (timedOut) return { ok: false, message: `command timed out after ${timeoutMs / 1000}s` };
    return { ok: code === 0, message: (stdout + stderr).trim() };
  }
  const target = targetOf(probe, spec, address);
  if (target === undefined) return { ok: true, message: '' };
  if (typeof target === 'string') return { ok: false, message: target };
  const { code, stdout, stderr } = await container.inNetwork(
    [process.execPath, '-e', REQUEST, JSON.stringify({ ...target, timeout: timeoutMs })],
    { timeoutMs: timeoutMs + 5000 },
  );
  if (code !== 0 || stdout === '') return { ok: false, message: stderr.trim() || 'no answer' };
  return JSON.parse(stdout) as ProbeAnswer;
}

interface Target {
  readonly tcp: boolean;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A text: why it cannot be asked. gRPC is asked for its port only. */
function targetOf(probe: Probe, spec: Pick<PodContainer, 'ports'>, address: string): Target | string | undefined {
  const asked = probe.httpGet ?? probe.tcpSocket ?? probe.grpc;
  if (asked === undefined) return undefined;
  const port = portOf(asked.port, spec);
  if (port === undefined) return `couldn't find port: "${asked.port}"`;
  const http = probe.httpGet as
    | (Handler['httpGet'] & { readonly httpHeaders?: readonly { name: string; value: string }[] })
    | undefined;
  const path = http?.path ?? '/';
  return {
    tcp: http === undefined,
    scheme: http?.scheme?.toLowerCase() === 'https' ? 'https' : 'http',
    host: ('host' in asked ? asked.host : undefined) || address,
    port,
    path: path.startsWith('/') ? path : `/${path}`,
    headers: {
      'User-Agent': 'kube-probe/1.36',
      Accept: '*/*',
      ...Object.fromEntries((http?.httpHeaders ?? []).map(({ name, value }) => [name, value])),
    },
  };
}

function portOf(port: number | string, { ports = [] }: Pick<PodContainer, 'ports'>): number | undefined {
  if (typeof port === 'number') return port;
  return ports.find(({ name }) => name === port)?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}
