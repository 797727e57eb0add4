/**
 * `attempt`: the operation really done, in the namespaces of a process and with its identity: ids, groups, capabilities, no_new_privs.
 * What runs is the machine's own Node.js from a folder outside the container's root, so that no file of the container has a say. What the
 * attempt changed (an owner, a name) is put back from outside.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, linkSync, readlinkSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { dirname } from 'node:path';
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
  const restore = keep(check, `${world.node.proc}/${one.pid}/root`);
  let said: { readonly result: string } | undefined;
  let words = '';
  try {
    const { stdout, stderr } = await runCommand(attemptCommand(world, one, check), {
      timeoutMs: ATTEMPT_MS,
      cwd: world.tools.folder,
      env: {},
    });
    words = stderr.trim().split('\n').at(-1) ?? '';
    said = stdout.startsWith('{') ? (JSON.parse(stdout) as { result: string }) : undefined;
  } finally {
    restore();
  }
  if (said === undefined) return red(`the attempt could not be made: ${words}`);
  const what = `${check.operation} ${check.target} as ${describe(one).replace(/^.*: uid/, 'uid')}: ${said.result}`;
  return said.result === check.gives ? green(what) : red(`${what}, not ${check.gives}`);
}

/** nsenter from the machine, then setpriv and Node.js from the folder of tools, by relative path. */
function attemptCommand({ node, tools }: CheckWorld, one: NodeProcess, check: CheckOf<'attempt'>): readonly string[] {
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
    ...['-e', PROBE, '--', check.operation, check.target, `.unroot-${randomBytes(6).toString('hex')}`],
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

/** Remembers what the attempt may take away; the result puts it back. */
function keep(check: CheckOf<'attempt'>, root: string): () => void {
  if (check.operation !== 'chown' && check.operation !== 'unlink') return () => {};
  const found = openInside(root, check.target, false);
  if (found === undefined) return () => {};
  const { stat } = found;
  if (check.operation === 'chown')
    return () => {
      chownSync(found.path, stat.uid, stat.gid);
      // A change of owner takes the set-id bits away.
      if (!stat.isSymbolicLink()) chmodSync(found.path, stat.mode & 0o7777);
      found.close();
    };
  const parent = openInside(root, dirname(check.target));
  if (parent === undefined || stat.isDirectory()) {
    found.close();
    parent?.close();
    return () => {};
  }
  const [name, spare] = [found.resolved.split('/').at(-1)!, `.unroot-${randomBytes(6).toString('hex')}`];
  linkSync(`${parent.path}/${name}`, `${parent.path}/${spare}`);
  return () => {
    // Renaming one name of a file over another one of the same file does nothing (rename(2)).
    renameSync(`${parent.path}/${spare}`, `${parent.path}/${name}`);
    rmSync(`${parent.path}/${spare}`, { force: true });
    utimesSync(parent.path, parent.stat.atime, parent.stat.mtime);
    found.close();
    parent.close();
  };
}
