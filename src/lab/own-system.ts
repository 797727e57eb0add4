/** A minimal Debian of the machine's own packages, where mmdebstrap is not installed. Accounts are those every Debian begins with, and nobody's of this machine. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../engine/command.ts';
import { UnrootError } from '../error.ts';
import { closure, copyPackages, type OwnPackage, type OwnPackages } from './own-packages.ts';

/** As mmdebstrap's variant minbase: what is essential or required, and apt. */
export function minimalPackages(own: OwnPackages): readonly OwnPackage[] {
  const required = [...own.byName.values()].filter((one) => one.required).map(({ name }) => name);
  return closure(own, [...required, 'apt', 'debian-archive-keyring', 'netbase']).packages;
}

/** Folders of a Debian that no package lists, with their modes. */
const FOLDERS = [
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
  ['root', 0o700],
  ['proc', 0o555],
  ['sys', 0o555],
  ['dev', 0o755],
  ['run', 0o755],
  ['run/lock', 0o1777],
  ['home', 0o755],
  ['mnt', 0o755],
  ['var/lib/apt/lists/partial', 0o755],
  ['var/cache/apt/archives/partial', 0o755],
] as const;

/** Makes the system below `root`. */
export async function makeOwnSystem(
  own: OwnPackages,
  root: string,
  excluded: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  await copyPackages(minimalPackages(own), root, excluded, { signal });
  const linked = await runCommand(['ldconfig', '-r', root]);
  if (linked.code !== 0) throw new UnrootError(`ldconfig failed: ${linked.stderr}`, { code: 'lab.build-failed' });
  for (const [folder, mode] of FOLDERS) {
    mkdirSync(join(root, folder), { recursive: true });
    chmodSync(join(root, folder), mode);
  }
  // What base-passwd's and apt's own scripts would have written.
  const master = (name: string): string => readFileSync(join(root, 'usr/share/base-passwd', `${name}.master`), 'utf8');
  const put = (name: string, text: string, mode: number): void => {
    writeFileSync(join(root, 'etc', name), text);
    chmodSync(join(root, 'etc', name), mode);
  };
  const passwd = `${master('passwd').replace(/^([^:]+):\*:/gm, '$1:x:')}_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n`;
  put('passwd', passwd, 0o644);
  put('group', master('group').replace(/^([^:]+):\*:/gm, '$1:x:'), 0o644);
  put('shadow', passwd.replace(/^([^:]+):.*$/gm, '$1:*:19000:0:99999:7:::'), 0o640);
  put('gshadow', master('group').replace(/^([^:]+):.*$/gm, '$1:*::'), 0o640);
  // What the scripts of base-files leave from its templates.
  const shared = join(root, 'usr/share/base-files');
  for (const [from, to] of [
    ['profile', 'etc/profile'],
    ['dot.profile', 'root/.profile'],
    ['dot.bashrc', 'root/.bashrc'],
    ['nsswitch.conf', 'etc/nsswitch.conf'],
  ] as const)
    if (existsSync(join(shared, from)) && !existsSync(join(root, to))) copyFileSync(join(shared, from), join(root, to));
  if (!existsSync(join(root, 'etc/mtab'))) symlinkSync('../proc/self/mounts', join(root, 'etc/mtab'));
}
