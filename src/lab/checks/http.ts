/**
 * `http`: a request from inside the node, by a program of the machine that joins nothing but its network. Where the check says whose answer it
 * has to be, the connection is opened first, and the request follows only when a process that fits has accepted one: a published port, a
 * Service, hand on each connection as it comes, a program of the node's that only answers in the other's place does not.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessMatch } from '../lab.ts';
import { broughtIn } from './credible.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';
import { matching } from './matching.ts';
import { type NodeProcess, nodeProcesses } from './processes.ts';
import { sockets, socketsOf } from './sockets.ts';

const REQUEST = `
const [port, path] = process.argv.slice(1);
const say = (answer) => { console.log(JSON.stringify(answer)); process.exit(0); };
const socket = require('node:net').connect({ host: '127.0.0.1', port: Number(port) });
socket.on('error', (error) => say({ error: error.code || error.message }));
socket.on('connect', () => console.log('open'));
socket.setTimeout(6000, () => say({ error: 'no answer within 6 s' }));
process.stdin.once('data', () => {
  const request = require('node:http').get({ path, headers: { host: '127.0.0.1:' + port }, createConnection: () => socket }, (answer) => {
    let text = '';
    answer.setEncoding('utf8');
    answer.on('data', (chunk) => { text = (text + chunk).slice(0, 65536); });
    answer.on('end', () => say({ status: answer.statusCode, text }));
    answer.on('error', (error) => say({ error: error.code || error.message }));
  });
  request.on('error', (error) => say({ error: error.code || error.message }));
  request.setTimeout(3000, () => say({ error: 'no answer within 3 s' }));
});
`;
/** A door into a pod's network is opened with the first connection. */
const ACCEPT_MS = 2000;
const WHOLE_MS = 8000;

interface Answer {
  readonly status?: number;
  readonly text?: string;
  readonly error?: string;
}

export async function checkHttp(check: CheckOf<'http'>, { node }: CheckWorld): Promise<Look> {
  const where = `http://127.0.0.1:${check.port}${check.path ?? '/'}`;
  const before = check.match === undefined ? undefined : accepted(node.proc, check.match);
  if (check.match !== undefined && before === undefined) return red('no such process runs');
  let reached = true;
  const answer = await ask(`${node.proc}/1/ns/net`, check.port, check.path ?? '/', async (over) => {
    for (const end = Date.now() + ACCEPT_MS; before !== undefined; await sleep(25)) {
      const now = accepted(node.proc, check.match!) ?? new Set();
      reached = [...now].some((inode) => !before.has(inode));
      // What was hung up on has its own words.
      if (reached || over() || Date.now() > end) break;
    }
    return reached;
  });
  if (answer === undefined) return red(`${where}: the connection does not come to ${said(check.match!)}`);
  if (answer.error !== undefined) return red(`${where}: ${answer.error}`);
  if (answer.status !== check.status) return red(`${where}: status ${answer.status}, not ${check.status}`);
  if (check.matches !== undefined && !new RegExp(check.matches, 'm').test(answer.text ?? ''))
    return red(`${where}: the answer does not say what it should`);
  return green(`${where}: ${answer.status}`);
}

const said = ({ command, container }: ProcessMatch): string =>
  `${container === true ? 'the container' : 'the process'}${command === undefined ? '' : ` of ${command}`}`;

/** Connections that processes which fit, or others of their containers, have taken (a worker takes them for its master); undefined = none fits. */
function accepted(proc: string, match: ProcessMatch): ReadonlySet<number> | undefined {
  const who = matching(proc, match);
  if (who.length === 0) return undefined;
  const all = nodeProcesses(proc);
  const family = ({ pid, container, namespaces }: NodeProcess): readonly NodeProcess[] =>
    all.filter(
      (one) =>
        one.pid === pid || one.ppid === pid || (container && one.namespaces.pid === namespaces.pid && !broughtIn(one, all)),
    );
  return new Set(
    who.flatMap((one) => {
      const connected = new Set(sockets(proc, one.pid).flatMap(({ state, inode }) => (state === 'connected' ? [inode] : [])));
      return family(one).flatMap(({ pid }) => [...socketsOf(proc, pid)].filter((inode) => connected.has(inode)));
    }),
  );
}

/** `opened`: asked when the connection stands, with whether it still does; false = nothing more is to be sent, and nothing is answered. */
function ask(
  network: string,
  port: number,
  path: string,
  opened: (over: () => boolean) => Promise<boolean>,
): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const asking = spawn('nsenter', [`--net=${network}`, '--', process.execPath, '-e', REQUEST, '--', String(port), path], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '' },
    });
    let [out, wrong] = ['', ''];
    let [open, over] = [false, false];
    const late = setTimeout(() => asking.kill('SIGKILL'), WHOLE_MS);
    asking.stdin.on('error', () => {});
    asking.stderr.on('data', (chunk: Buffer) => {
      wrong = (wrong + chunk.toString()).slice(-1000);
    });
    asking.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (open || !out.startsWith('open\n')) return;
      open = true;
      opened(() => over).then(
        (go) => {
          if (go) asking.stdin.write('go\n');
          else if (!over) {
            asking.kill('SIGKILL');
            resolve(undefined);
          }
        },
        (error: Error) => {
          asking.kill('SIGKILL');
          reject(error);
        },
      );
    });
    asking.once('error', reject);
    asking.once('close', () => {
      clearTimeout(late);
      over = true;
      const line = out
        .split('\n')
        .filter((one) => one.startsWith('{'))
        .at(-1);
      resolve(line === undefined ? { error: wrong.trim().split('\n').at(-1) || 'no answer' } : (JSON.parse(line) as Answer));
    });
  });
}
