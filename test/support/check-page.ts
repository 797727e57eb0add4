/** The example of a page of docs/checks, as something that can be run: a manifest, or an image in a few lines of YAML, the command, and what it prints. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type LayerItem, writeLayout } from './image-builder.ts';
import { smallestProgram } from './program.ts';

export interface PageExample {
  /** `image` for an image, a file name for anything else. */
  readonly name: string;
  readonly text: string;
  /** Words behind `unroot`. */
  readonly command: readonly string[];
  readonly output: string;
}

/** The blocks behind **Example**: the input with its name in a comment, the command and its output. Throws when one is missing. */
export function exampleOf(page: string): PageExample {
  const section = /\*\*Example\*\*\n([\s\S]*?)\n\*\*Fix\.\*\*/.exec(page)?.[1] ?? '';
  const input = /```(?:yaml|dockerfile)\n(# (\S+)\n[\s\S]*?)```/.exec(section);
  const shown = /```console\n\$ unroot (.*)\n([\s\S]*?)```/.exec(section);
  if (input === null || shown === null) throw new Error('the page has no example that could be run');
  return { name: input[2]!, text: input[1]!, command: shown[1]!.split(' '), output: shown[2]! };
}

interface FileSpec {
  readonly program?: boolean;
  /** Debian's busybox-static: a shell and its tools. */
  readonly busybox?: boolean;
  readonly content?: string;
  readonly owner?: string;
  readonly mode?: string;
  /** Of security.capability, revision 2: bits of the permitted set, with the effective bit. */
  readonly capabilities?: number;
}

const BUSYBOX = '/bin/busybox';

/** What the example needs that this machine lacks; only those that run an image need anything. */
export function lackingFor({ command }: PageExample): string | undefined {
  if (!command.includes('--trace')) return undefined;
  if (process.getuid?.() !== 0) return 'root, to run an image under strace';
  if (!existsSync(BUSYBOX)) return 'busybox: apt-get install -y busybox-static';
  if (spawnSync('strace', ['-V']).error !== undefined) return 'strace: apt-get install -y strace';
  return undefined;
}

/** Writes what the command reads into a folder. */
export function writeExample(folder: string, { name, text }: PageExample): void {
  mkdirSync(folder, { recursive: true });
  if (name !== 'image') {
    writeFileSync(join(folder, name), text);
    return;
  }
  const { files, ...config } = parse(text) as { files?: Record<string, FileSpec | null> };
  const layer = Object.entries(files ?? {}).map(([path, file]): LayerItem => {
    const [uid, gid] = (file?.owner ?? '0:0').split(':').map(Number);
    const program = file?.program === true || file?.busybox === true;
    const content = file?.busybox === true ? readFileSync(BUSYBOX) : program ? smallestProgram() : file?.content;
    const mode = file?.mode ?? (content === undefined || program ? '0755' : '0644');
    return {
      path,
      uid: uid!,
      gid: gid!,
      mode: Number.parseInt(mode, 8),
      ...(content === undefined ? {} : { content }),
      ...(file?.capabilities === undefined ? {} : { xattrs: { 'security.capability': capabilities(file.capabilities) } }),
    };
  });
  writeLayout(join(folder, name), { layers: [layer], config });
}

/** vfs_cap_data of linux/capability.h. */
function capabilities(permitted: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x02000001, true);
  view.setUint32(4, permitted, true);
  return bytes;
}
