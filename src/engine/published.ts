/** Published ports, asked the way somebody outside asks them: on the loopback of this machine. */
import { connect } from 'node:net';
import { forwardPorts } from './port-forward.ts';

/** What came back to `GET /`, or whether anybody took the connection. */
export interface PublishedAnswer {
  readonly port: number;
  /** On 127.0.0.1, while it ran. */
  readonly host: number;
  readonly outcome: 'http' | 'connected' | 'refused';
  readonly status?: number;
}

/** `ports`: container port → host port, 0 = whichever is free. `http`: those that speak it. */
export async function askPublished(
  member: { readonly pid: number; readonly address: string },
  ports: ReadonlyMap<number, number>,
  http: ReadonlySet<number>,
): Promise<readonly PublishedAnswer[]> {
  // Never its loopback: an engine does not get there either.
  const open = await forwardPorts(member.pid, ports, [member.address]);
  try {
    const answers: PublishedAnswer[] = [];
    for (const [port, host] of open.at)
      answers.push({ port, host, ...(http.has(port) ? await askHttp(host) : { outcome: await connection(host) }) });
    return answers;
  } finally {
    await open.close();
  }
}

const TIMEOUT_MS = 4000;

async function askHttp(host: number): Promise<Pick<PublishedAnswer, 'outcome' | 'status'>> {
  try {
    const answer = await fetch(`http://127.0.0.1:${host}/`, {
      redirect: 'manual',
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.arrayBuffer();
    return { outcome: 'http', status: answer.status };
  } catch {
    return { outcome: await connection(host) };
  }
}

const OPEN_MS = 400;

/** The forwarder takes every connection; one that nobody listens behind is closed at once. */
function connection(port: number): Promise<'connected' | 'refused'> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (outcome: 'connected' | 'refused'): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end('connected'), OPEN_MS);
    socket.on('data', () => end('connected'));
    socket.on('end', () => end('refused'));
    socket.on('error', () => end('refused'));
  });
}
