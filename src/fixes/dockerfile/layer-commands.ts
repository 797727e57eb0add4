/** Layer changes as the commands that a person would write in a RUN line. */
import type { LayerChange } from '../../finding/fix.ts';
import type { RootFs } from '../../image/image.ts';
import { childPath, isWithin } from '../../linux/file-path.ts';

export interface LayerCommands {
  readonly commands: readonly string[];
  /** What no command says well. */
  readonly left: readonly { readonly path: string; readonly why: string }[];
}

const quote = (text: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
const octal = (mode: number): string => (mode & 0o7000 ? mode.toString(8) : mode.toString(8).padStart(4, '0'));

/** `arbitrary`: any user of group 0, so the group is given what the owner has. */
export async function layerCommands(layer: readonly LayerChange[], rootFs: RootFs, arbitrary: boolean): Promise<LayerCommands> {
  const made = new Set<string>();
  const owners = new Map<string, string[]>();
  const modes = new Map<string, string[]>();
  const sets: string[] = [];
  const edits: string[] = [];
  const links: string[] = [];
  const left: { path: string; why: string }[] = [];
  const add = (map: Map<string, string[]>, key: string, path: string): void => {
    map.set(key, [...(map.get(key) ?? []), path]);
  };
  for (const change of layer) {
    const { path } = change;
    const old = rootFs.get(path);
    if (change.kind === 'symlink') {
      links.push(`ln -sfn ${quote(change.target)} ${quote(path)}`);
      continue;
    }
    if (change.kind === 'file') {
      const script = await lineEdits(change.content, path, rootFs);
      if (script === undefined) {
        left.push({ path, why: 'its content changes in more than single lines: change it where it comes from' });
        continue;
      }
      if (script !== '') edits.push(script);
    } else if (change.kind === 'directory' && old === undefined) made.add(path);
    if (change.kind === 'own' && change.capabilities !== undefined) {
      if (change.capabilities.length > 0)
        sets.push(`setcap ${change.capabilities.map((one) => one.toLowerCase()).join(',')}=+ep ${quote(path)}`);
      else sets.push(`setcap -r ${quote(path)}`);
    }
    const { uid, gid, mode } = change;
    const before = old ?? { uid: 0, gid: 0, mode: change.kind === 'file' ? 0o644 : 0o755 };
    const groupOnly = before.uid === uid;
    if (before.uid !== uid || before.gid !== gid) add(owners, groupOnly ? `chgrp ${gid}` : `chown ${uid}:${gid}`, path);
    const asOwner = (before.mode & 0o700) >> 3;
    if (mode === before.mode) continue;
    if (arbitrary && mode === ((before.mode & ~0o070) | asOwner)) add(modes, 'chmod g=u', path);
    else add(modes, `chmod ${octal(mode)}`, path);
  }
  const list = (map: ReadonlyMap<string, readonly string[]>): string[] =>
    [...map].flatMap(([command, paths]) => {
      const { whole, single } = wholeFolders(paths, rootFs);
      return [
        ...(whole.length === 0 ? [] : [`${command.replace(' ', ' -R ')} ${whole.map(quote).join(' ')}`]),
        ...(single.length === 0 ? [] : [`${command} ${single.map(quote).join(' ')}`]),
      ];
    });
  return {
    commands: [
      ...edits,
      ...(made.size === 0 ? [] : [`mkdir -p ${[...made].map(quote).join(' ')}`]),
      ...links,
      ...list(owners),
      ...list(modes),
      ...sets,
    ],
    left,
  };
}

/** Folders of which everything is meant, but links, which belong to nobody. */
function wholeFolders(
  paths: readonly string[],
  rootFs: RootFs,
): { readonly whole: readonly string[]; readonly single: readonly string[] } {
  const meant = new Set(paths);
  const all = (folder: string): boolean =>
    rootFs.list(folder).every((name) => {
      const path = childPath(folder, name);
      const type = rootFs.get(path)?.type;
      return type === 'symlink' || (meant.has(path) && (type !== 'directory' || all(path)));
    });
  const holds = (path: string): boolean => paths.some((one) => one !== path && isWithin(one, path));
  const whole = paths.filter((path) => rootFs.get(path)?.type === 'directory' && holds(path) && all(path));
  const inside = (path: string): boolean => whole.some((top) => isWithin(path, top));
  return {
    whole: whole.filter((path) => !whole.some((top) => top !== path && isWithin(path, top))),
    single: paths.filter((path) => !inside(path)),
  };
}

/** `sed -i` for lines that are other or gone; '' = nothing differs; undefined = more than that. */
async function lineEdits(content: string, path: string, rootFs: RootFs): Promise<string | undefined> {
  const bytes = await rootFs.readFile(path);
  if (bytes === undefined) return content === '' ? `: > ${quote(path)}` : undefined;
  const before = new TextDecoder().decode(bytes).split('\n');
  const after = content.split('\n');
  const scripts: string[] = [];
  let at = 0;
  for (const line of before) {
    if (after[at] === line) {
      at += 1;
      continue;
    }
    const gone = after[at] === before[before.indexOf(line) + 1] && after.length < before.length;
    scripts.push(gone ? `/^${pattern(line)}$/d` : `s|^${pattern(line)}$|${(after[at] ?? '').replace(/[\\&|]/g, '\\$&')}|`);
    if (!gone) at += 1;
    if (scripts.length > 6) return undefined;
  }
  if (at !== after.length) return undefined;
  if (scripts.length === 0) return '';
  return `sed -i ${scripts.map((one) => `-e '${one.replaceAll("'", `'\\''`)}'`).join(' ')} ${quote(path)}`;
}

const pattern = (line: string): string => line.replace(/[\\^$.*[\]/|]/g, '\\$&');
