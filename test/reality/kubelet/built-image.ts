/** An image of images.json with its program in it, to be run. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { encodeFileCapabilities, type FileCapabilities } from '../../../src/linux/capability.ts';
import type { BuildSpec, LayerItem } from '../../support/image-builder.ts';

interface File {
  readonly type: 'file' | 'directory';
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly content?: string;
  readonly fileCapabilities?: FileCapabilities;
}

interface Description {
  readonly config: {
    readonly user: string;
    readonly env: readonly string[];
    readonly entrypoint: readonly string[];
    readonly cmd: readonly string[];
    readonly workingDir: string;
    readonly volumes: readonly string[];
  };
  readonly files: Readonly<Record<string, File>>;
}

const IMAGES = JSON.parse(readFileSync(fileURLToPath(new URL('images.json', import.meta.url)), 'utf8')) as Record<
  string,
  Description
>;

export function layerOf(name: string, program: Uint8Array): BuildSpec {
  const { config, files } = IMAGES[name]!;
  const items = Object.entries(files).map(
    ([path, { type, mode, uid, gid, content, fileCapabilities }]): LayerItem => ({
      path,
      ...(type === 'file' ? { content: content ?? program } : {}),
      ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(fileCapabilities === undefined ? {} : { xattrs: { 'security.capability': encodeFileCapabilities(fileCapabilities) } }),
    }),
  );
  return {
    layers: [items.sort((a, b) => (a.path < b.path ? -1 : 1))],
    config: {
      User: config.user,
      Env: config.env,
      ...(config.entrypoint.length > 0 ? { Entrypoint: config.entrypoint } : {}),
      ...(config.cmd.length > 0 ? { Cmd: config.cmd } : {}),
      WorkingDir: config.workingDir,
      Volumes: Object.fromEntries(config.volumes.map((path) => [path, {}])),
    },
  };
}
