/** Asks a running container's ports what they do, from inside its network namespace. */
import type { Container } from '../engine/engine.ts';
import type { ObservedPort, ProbeResult } from './observation.ts';
import { reachable } from './ports.ts';
import { PROBE_SCRIPT } from './probe-script.ts';

/** How often a port that answered is asked once more. */
const REPEATS = 3;

/** A gateway says so while what is behind it still starts (RFC 9110 sections 15.6.3 to 15.6.5). */
const NOT_YET: ReadonlySet<number | undefined> = new Set([502, 503, 504]);
const PATIENCE_MS = 6000;

/** Some say in words that they are not ready yet. How often a greeting is asked for once more, until it is what is expected, or twice the same. */
const GREETINGS = 4;
const GREETING_MS = 500;

/** One result per TCP port. */
export async function probePorts(
  container: Container,
  ports: readonly ObservedPort[],
  path: string,
  like: readonly ProbeResult[] = [],
): Promise<ProbeResult[]> {
  const until = performance.now() + PATIENCE_MS;
  let expected = like;
  for (let attempt = 1; ; attempt++) {
    const answers = await probeOnce(container, ports, path, like);
    const waiting = answers.some(({ port, status }) => {
      const was = like.find((probe) => probe.port === port);
      return NOT_YET.has(status) && (was === undefined || was.status !== status);
    });
    const settling = attempt < GREETINGS && answers.some((answer) => speaks(answer) && !isIn(expected, answer));
    if (like.length === 0) expected = answers;
    if ((!waiting && !settling) || performance.now() > until || !container.running()) return answers;
    await new Promise((resolve) => setTimeout(resolve, GREETING_MS));
  }
}

const speaks = ({ outcome }: ProbeResult): boolean => outcome === 'banner' || outcome === 'reply';

const isIn = (expected: readonly ProbeResult[], { port, text }: ProbeResult): boolean =>
  expected.some((one) => one.port === port && one.text === text);

async function probeOnce(
  container: Container,
  ports: readonly ObservedPort[],
  path: string,
  like: readonly ProbeResult[] = [],
): Promise<ProbeResult[]> {
  const byPort = new Map<number, string>();
  for (const port of ports) {
    if (port.protocol !== 'tcp') continue;
    // A port open on both families is asked over IPv4 once.
    if (!byPort.has(port.port) || port.address === '0.0.0.0') byPort.set(port.port, reachable(port.address));
  }
  if (byPort.size === 0) return [];
  const targets = [...byPort].map(([port, address]) => ({
    port,
    address,
    path,
    bannerMs: 120,
    replyMs: 2500,
    repeats: REPEATS,
    opener: like.find((probe) => probe.port === port)?.opener,
  }));
  const result = await container.inNetwork([process.execPath, '-e', PROBE_SCRIPT], {
    timeoutMs: 15_000,
    input: JSON.stringify(targets),
  });
  if (result.code !== 0 || result.stdout.trim() === '')
    return targets.map(({ port }) => ({ port, outcome: 'silent', text: result.stderr.slice(0, 200) }));
  const answers = JSON.parse(result.stdout) as (ProbeResult & { readonly said?: readonly string[] })[];
  return answers
    .map(({ said = [], ...answer }) => {
      if (answer.text === undefined) return answer;
      const text = normalise(answer.text);
      return { ...answer, text, ...(said.some((other) => normalise(`${other}`) !== text) ? { varies: true } : {}) };
    })
    .sort((a, b) => a.port - b.port);
}

/** Inside the container, as its user, like a HEALTHCHECK. */
export async function runProbeCommand(container: Container, argv: readonly string[]): Promise<{ code: number; output: string }> {
  const result = await container.exec(argv, { timeoutMs: 30_000 });
  return { code: result.code, output: (result.stdout + result.stderr).slice(0, 4000) };
}

/** Numbers of two or more digits and hexadecimal runs differ from run to run (pids, dates, salts); what is left must not. */
export function normalise(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, '?')
    .replace(/\b[0-9a-f]{8,}\b/gi, '#')
    .replace(/\d{2,}/g, '#')
    .trim();
}
