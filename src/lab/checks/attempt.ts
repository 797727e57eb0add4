/**
 * `attempt`: the operation really done, in the namespaces of a process and with its identity: ids, groups, capabilities, no_new_privs.
 * What runs is the machine's own Node.js from a folder outside the container's root, so that no file of the container has a say. Where it would
 * take something away, it is tried on a stand-in.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, linkSync, mkdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { runCommand } from '../../engine/command.ts';
import { PROBE } from '../probe.ts';
import { openInside } from './inside.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';
import { matching } from './matching.ts';
import { describe, type NodeProcess, read } from './processes.ts';

const ATTEMPT_MS = 10_000;

export async function checkAttempt(check: CheckOf<'attempt'>, world: CheckWorld): Promise<Look> {
  const [one] = matching(world.node.proc, check.match);
  if (one === undefined) return red('no such process runs');
  const { target, done } = standIn(check, `${world.node.proc}/${one.pid}`);
  let said: { readonly result: string } | undefined;
  let words = '';
  try {
    const { stdout, stderr } = await runCommand(attemptCommand(world, one, check.operation, target), {
      timeoutMs: ATTEMPT_MS,
      cwd: world.tools.folder,
      env: {},
    });
    words = stderr.trim().split('\n').at(-1) ?? '';
    said = stdout.startsWith('{') ? (JSON.parse(stdout) as { result: string }) : undefined;
  } finally {
    done();
  }
  if (said === undefined) return red(`the attempt could not be made: ${words}`);
  const what = `${check.operation} ${check.target} as ${describe(one).replace(/^.*: uid/, 'uid')}: ${said.result}`;
  return said.result === check.gives ? green(what) : red(`${what}, not ${check.gives}`);
}

/** nsenter from the machine, then setpriv and Node.js from the folder of tools, by relative path. */
function attemptCommand({ node, tools }: CheckWorld, one: NodeProcess, operation: string, target: string): readonly string[] {
  const at = `${node.proc}/${one.pid}`;
  const effective = list(one.capabilities.effective);
  const mapped = one.namespaces.user !== '' && one.namespaces.user !== readlinkSync('/proc/self/ns/user');
  // In a user namespace of its own the ids to take are those of the inside; /proc tells them as we see them.
  const inside = (file: 'uid_map' | 'gid_map', id: number): number => (mapped ? idInside(read(`${at}/${file}`) ?? '', id) : id);
  const [uid, gid] = [inside('uid_map', one.uids[3] ?? 0), inside('gid_map', one.gids[3] ?? 0)];
  // What counts for an operation is the effective set. root gets it by exec from the bounding set, others by the ambient one (capabilities(7)).
  const sets =
    uid === 0
      ? ['--bounding-set', effective, '--inh-caps', '-all', '--ambient-caps', '-all']
      : ['--inh-caps', effective, '--ambient-caps', effective];
  const numbers = one.groups.map((group) => `+${inside('gid_map', group)}`).join(',');
  const groups = numbers === '' ? ['--clear-groups'] : ['--groups', numbers];
  // What a user namespace does not own cannot be entered from it; neither matters to a file or a port.
  const namespaces = mapped
    ? [`--user=${at}/ns/user`, `--mount=${at}/ns/mnt`, `--net=${at}/ns/net`]
    : [`--mount=${at}/ns/mnt`, `--net=${at}/ns/net`, `--uts=${at}/ns/uts`, `--ipc=${at}/ns/ipc`];
  return [
    ...['nsenter', ...namespaces, `--root=${at}/root`, `--wd=${tools.folder}`, '--'],
    ...tools.command('setpriv'),
    ...['--reuid', `+${uid}`, '--regid', `+${gid}`, ...groups, ...sets],
    ...(one.noNewPrivileges ? ['--no-new-privs'] : []),
    '--',
    ...tools.command('node'),
    ...['-e', PROBE, '--', operation, target, `.unroot-${randomBytes(6).toString('hex')}`],
  ];
}

/** uid_map, gid_map: inside, outside, length (user_namespaces(7)). What is not mapped is 65534 there. */
export function idInside(map: string, id: number): number {
  for (const line of map.trim().split('\n')) {
    const [first = 0, outside = 0, length = 0] = line.trim().split(/\s+/).map(Number);
    if (id >= outside && id < outside + length) return first + id - outside;
  }
  return 65534;
}

function list(hex: string): string {
  const mask = BigInt(`0x${hex || '0'}`);
  const held = Array.from({ length: 41 }, (_, bit) => bit).filter((bit) => (mask >> BigInt(bit)) & 1n);
  return ['-all', ...held.map((bit) => `+cap_${bit}`)].join(',');
}

interface StandIn {
  /** As the process names it. */
  readonly target: string;
  done(): void;
}

/**
 * What is to be taken away or given away is a stand-in beside it: the learner works on the thing itself meanwhile, and must not find it gone, nor
 * get it back as it was. To take a file away it is another name of the same file, which asks the same of folder and owner (unlink(2), the
 * sticky bit included); else an empty file or folder of the same owner. `at`: the process in /proc.
 */
function standIn({ operation, target }: CheckOf<'attempt'>, at: string): StandIn {
  const itself: StandIn = { target, done: () => {} };
  if (operation !== 'chown' && operation !== 'unlink') return itself;
  const found = openInside(`${at}/root`, target, false);
  const parent = found === undefined ? undefined : openInside(`${at}/root`, dirname(target));
  found?.close();
  if (found === undefined || parent === undefined) return itself;
  const { stat, resolved } = found;
  const points = (read(`${at}/mountinfo`) ?? '').split('\n').map((line) => line.split(' ')[4]);
  if (points.includes(resolved)) {
    // A mount of its own, with rules of its own: nobody takes it away (EBUSY), and an owner is put back.
    const owned = openInside(`${at}/root`, target, false);
    parent.close();
    return {
      target,
      done() {
        if (operation === 'chown' && owned !== undefined) chownSync(owned.path, stat.uid, stat.gid);
        owned?.close();
      },
    };
  }
  const spare = `.unroot-${randomBytes(6).toString('hex')}`;
  const path = `${parent.path}/${spare}`;
  const done = (): void => {
    rmSync(path, { force: true, recursive: true });
    utimesSync(parent.path, parent.stat.atime, parent.stat.mtime);
    parent.close();
  };
  try {
    if (operation === 'unlink' && !stat.isDirectory()) linkSync(`${parent.path}/${basename(target)}`, path);
    else {
      if (stat.isDirectory()) mkdirSync(path, { mode: 0o700 });
      else writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
      chownSync(path, stat.uid, stat.gid);
      chmodSync(path, stat.mode & 0o777);
    }
    return { target: `${dirname(target).replace(/\/$/, '')}/${spare}`, done };
  } catch (error) {
    // Where nothing can be written, nothing can be lost: it may be tried on the thing itself.
    if ((error as NodeJS.ErrnoException).code === 'EROFS') {
      parent.close();
      return itself;
    }
    done();
    throw error;
  }
}
