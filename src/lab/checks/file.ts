/** `file`: what lies at a path of the node, or of a container in it. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { type Inside, openInside } from './inside.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';
import { matching } from './matching.ts';

const MAX_BYTES = 64 << 20;

export function checkFile(check: CheckOf<'file'>, { node, before }: CheckWorld): Look {
  let root = node.root;
  if (check.container !== undefined) {
    const [one] = matching(node.proc, check.container);
    if (one === undefined) return red('no such container runs');
    root = `${node.proc}/${one.pid}/root`;
  }
  if (check.unchanged === true) {
    const now = digestOf(root, check.path);
    const then = before.get(check.path);
    return now === then ? green(`${check.path} is as it was`) : red(`${check.path} is not what it was when the lab began`);
  }
  const found = openInside(root, check.path);
  try {
    if (found === undefined)
      return check.exists === false ? green(`${check.path} is not there`) : red(`${check.path} is not there`);
    if (check.exists === false) return red(`${check.path} is there`);
    if (
      check.fileSystem !== undefined &&
      (found.resolved !== check.path || wholeFileSystemOf(found, node.proc) !== check.fileSystem)
    )
      return red(`${check.path} is not ${check.fileSystem}'s own: something lies over it`);
    const { stat } = found;
    const owner = `${stat.uid}:${stat.gid}`;
    if (check.owner !== undefined && owner !== check.owner && String(stat.uid) !== check.owner)
      return red(`${check.path} belongs to ${owner}, not ${check.owner}`);
    const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
    if (check.mode !== undefined && mode !== check.mode.padStart(4, '0'))
      return red(`${check.path} has mode ${mode}, not ${check.mode}`);
    if (check.modeLacks !== undefined && (stat.mode & Number.parseInt(check.modeLacks, 8)) !== 0)
      return red(`${check.path} has mode ${mode}: more than it should have`);
    if (check.matches !== undefined || check.matchesNot !== undefined) {
      if (!stat.isFile()) return red(`${check.path} is no file`);
      const text = readFileSync(found.path, 'utf8').slice(0, MAX_BYTES);
      if (check.matches !== undefined && !new RegExp(check.matches, 'm').test(text))
        return red(`${check.path} does not say what it should yet`);
      const expression = new RegExp(check.matches ?? '');
      const lines = text.split('\n').filter((line) => expression.test(line)).length;
      if (check.lines !== undefined && lines !== check.lines)
        return red(`${check.path} has ${lines} such lines, not ${check.lines}`);
      if (check.matchesNot !== undefined && new RegExp(check.matchesNot, 'm').test(text))
        return red(`${check.path} says what it should not`);
    }
    return green(`${check.path}: ${owner}, mode ${mode}`);
  } finally {
    found?.close();
  }
}

/** Type of the file system that it is mounted with, from its top (proc_pid_mountinfo(5)); undefined for a part that was bound somewhere. */
function wholeFileSystemOf(found: Inside, proc: string): string | undefined {
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(found.path.replace('/fd/', '/fdinfo/'), 'utf8'))?.[1];
  for (const line of readFileSync(`${proc}/1/mountinfo`, 'utf8').split('\n')) {
    const [mount, , , root] = line.split(' ');
    if (mount === id) return root === '/' ? / - (\S+)/.exec(line)?.[1] : undefined;
  }
  return undefined;
}

/** Type, owner, mode and contents in one word; `missing` when it is not there. */
export function digestOf(root: string, path: string): string {
  const found = openInside(root, path, false);
  try {
    if (found === undefined) return 'missing';
    const { stat } = found;
    const hash = createHash('sha256').update(`${stat.mode} ${stat.uid}:${stat.gid} `);
    if (stat.isFile() && stat.size <= MAX_BYTES) hash.update(readFileSync(found.path));
    else if (stat.isSymbolicLink()) hash.update(readlinkSync(found.path));
    else hash.update(`${stat.ino} ${stat.mtimeMs}`);
    return hash.digest('hex');
  } finally {
    found?.close();
  }
}
