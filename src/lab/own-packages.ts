/**
 * Debian packages of this very machine, as its dpkg knows them: what belongs to a set of them, and their files copied to another root. For
 * machines without mmdebstrap, or without a network. Only what packages brought is copied: nothing that somebody made in /etc, /root or /home.
 */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { runCommand } from '../engine/command.ts';
import { UnrootError } from '../error.ts';

/** One installed package. */
export interface OwnPackage {
  readonly name: string;
  readonly version: string;
  /** Essential, or of the priority `required`: what every Debian has. */
  readonly required: boolean;
  /** Of what it cannot do without: groups of alternatives, names only. */
  readonly needs: readonly (readonly string[])[];
}

export interface OwnPackages {
  /** By name, those that only others provide (`awk`) among them. */
  readonly byName: ReadonlyMap<string, OwnPackage>;
}

const FIELDS = ['Package', 'Version', 'Priority', 'Essential', 'Pre-Depends', 'Depends', 'Provides', 'db:Status-Status'];

/** What is installed; undefined = this is no machine with dpkg. */
export async function ownPackages(): Promise<OwnPackages | undefined> {
  const format = `${FIELDS.map((field) => `\${${field}}`).join('\t')}\n`;
  const { code, stdout } = await runCommand(['dpkg-query', '-W', '-f', format], { limit: 16 << 20 });
  if (code !== 0) return undefined;
  const byName = new Map<string, OwnPackage>();
  const provided = new Map<string, OwnPackage>();
  for (const line of stdout.split('\n')) {
    const [name = '', version = '', priority, essential, before = '', needs = '', provides = '', status] = line.split('\t');
    if (status !== 'installed') continue;
    const one = {
      name,
      version,
      required: essential === 'yes' || priority === 'required',
      needs: [...groups(before), ...groups(needs)],
    };
    byName.set(name, one);
    for (const [alias = ''] of groups(provides)) if (!provided.has(alias)) provided.set(alias, one);
  }
  return { byName: new Map([...provided, ...byName]) };
}

/** `a (>= 1) | b:any, c` → [[a, b], [c]]. */
const groups = (text: string): readonly (readonly string[])[] =>
  text
    .split(',')
    .map((group) =>
      group
        .split('|')
        .map((one) => one.trim().replace(/[\s(:[<].*$/, ''))
        .filter((one) => one !== ''),
    )
    .filter((group) => group.length > 0);

/** These and everything they cannot do without, by name; `missing`: what of the wanted is not on this machine. */
export function closure(
  { byName }: OwnPackages,
  wanted: readonly string[],
): { readonly packages: readonly OwnPackage[]; readonly missing: readonly string[] } {
  const found = new Map<string, OwnPackage>();
  const missing: string[] = [];
  const rest = [...wanted];
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    const one = byName.get(name);
    if (one === undefined) {
      if (wanted.includes(name)) missing.push(name);
      continue;
    }
    if (found.has(one.name)) continue;
    found.set(one.name, one);
    // The first alternative that is installed is what dpkg was content with.
    for (const group of one.needs) rest.push(...group.filter((each) => byName.has(each)).slice(0, 1));
  }
  return { packages: [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), missing: missing.sort() };
}

/** Names in a list of dpkg's. */
export const namesIn = (status: string): ReadonlySet<string> =>
  new Set([...status.matchAll(/^Package: (\S+)/gm)].map((match) => match[1]!));

/** Copies their files below `root`, which need not be there, and tells dpkg there of them. `below`: the list of what is there already. */
export async function copyPackages(
  packages: readonly OwnPackage[],
  root: string,
  excluded: readonly string[],
  { below = '', signal }: { readonly below?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  if (packages.length === 0) return;
  const options = { limit: 64 << 20, timeoutMs: 120_000, ...(signal === undefined ? {} : { signal }) };
  const listed = await runCommand(['dpkg-query', '-L', ...packages.map(({ name }) => name)], options);
  if (listed.code !== 0) throw failed('listing the files of packages', listed.stderr);
  const folders = excluded.map((pattern) => pattern.replace(/\*$/, ''));
  const paths = [...new Set(listed.stdout.split('\n'))]
    .filter((path) => path.startsWith('/') && path !== '/.' && !folders.some((folder) => path.startsWith(folder)))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
    .sort();
  mkdirSync(root, { recursive: true, mode: 0o755 });
  // A system of today has /bin and the like as links, which no package lists.
  for (const name of readdirSync('/')) {
    if (!/^(?:bin|sbin|lib\w*)$/.test(name) || !lstatSync(`/${name}`).isSymbolicLink()) continue;
    mkdirSync(join(root, readlinkSync(`/${name}`)), { recursive: true, mode: 0o755 });
    if (!existsSync(join(root, name))) symlinkSync(readlinkSync(`/${name}`), join(root, name));
  }
  const script =
    'tar -C / --no-recursion --numeric-owner --xattrs --xattrs-include=security.capability --null -T - -cf - | tar -C "$1" --numeric-owner --xattrs --xattrs-include=security.capability -xpf -';
  const copied = await runCommand(['sh', '-c', script, 'sh', root], {
    ...options,
    input: paths.map((path) => `${path.slice(1)}\0`).join(''),
  });
  if (copied.code !== 0) throw failed('copying the files of packages', copied.stderr);
  tellDpkg(packages, root, below);
  copyAlternatives(root);
}

/** Its list of packages: what was there, and these, with what each brought and has to run when it goes. */
function tellDpkg(packages: readonly OwnPackage[], root: string, below: string): void {
  const folder = join(root, 'var/lib/dpkg');
  for (const name of ['info', 'updates', 'triggers', 'alternatives', 'parts'])
    mkdirSync(join(folder, name), { recursive: true, mode: 0o755 });
  const names = new Set(packages.map(({ name }) => name));
  const stanzas = readFileSync('/var/lib/dpkg/status', 'utf8')
    .split('\n\n')
    .filter((stanza) => names.has(/^Package: (\S+)/m.exec(stanza)?.[1] ?? ''));
  writeFileSync(
    join(folder, 'status'),
    `${[...below.split('\n\n'), ...stanzas]
      .map((one) => one.trim())
      .filter((one) => one !== '')
      .join('\n\n')}\n`,
  );
  writeFileSync(join(folder, 'available'), '');
  for (const file of readdirSync('/var/lib/dpkg/info')) {
    const owner = /^([^:]+?)(?::[a-z0-9-]+)?\.[a-z0-9]+$/.exec(file)?.[1];
    if (owner !== undefined && names.has(owner)) copyFileSync(join('/var/lib/dpkg/info', file), join(folder, 'info', file));
  }
  if (existsSync('/var/lib/dpkg/info/format')) copyFileSync('/var/lib/dpkg/info/format', join(folder, 'info/format'));
}

/** Links that a maintainer script made, where what they lead to was copied: `awk` → `mawk`. */
function copyAlternatives(root: string): void {
  const known = '/etc/alternatives';
  if (!existsSync(known)) return;
  mkdirSync(join(root, known), { recursive: true, mode: 0o755 });
  const link = (path: string, target: string): void => {
    if (lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined) return;
    mkdirSync(dirname(join(root, path)), { recursive: true, mode: 0o755 });
    symlinkSync(target, join(root, path));
  };
  for (const name of readdirSync(known)) {
    if (!lstatSync(join(known, name)).isSymbolicLink()) continue;
    const target = readlinkSync(join(known, name));
    if (existsSync(join(root, target))) link(join(known, name), target);
  }
  for (const folder of ['/usr/bin', '/usr/sbin'])
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const target = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : '';
      if (target.startsWith(`${known}/`) && lstatSync(join(root, target), { throwIfNoEntry: false }) !== undefined)
        link(path, target);
    }
}

const failed = (what: string, words: string): UnrootError =>
  new UnrootError(`${what} failed: ${words.trim().split('\n').slice(-4).join('\n')}`, { code: 'lab.build-failed' });
