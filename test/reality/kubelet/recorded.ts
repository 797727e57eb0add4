/** The pods of this folder, their images, and what a real node made of them, as README.md spells it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { ImageConfig } from '../../../src/image/image.ts';
import type { LaunchSubject } from '../../../src/launch/input.ts';
import type { FileType } from '../../../src/linux/inode.ts';
import type { ProfileName } from '../../../src/platform/platform.ts';
import type { Pod } from '../../../src/workload/formats/kubernetes/pod-spec.ts';
import { type MemoryEntry, memoryRootFs } from '../../support/memory-rootfs.ts';

const folder: string = fileURLToPath(new URL('.', import.meta.url));

export interface RecordedPath {
  readonly error?: string;
  readonly type?: FileType;
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly target?: string;
  readonly read?: string;
  readonly write?: string;
  readonly create?: string;
  readonly search?: string;
  readonly exec?: string;
}

export interface Show {
  readonly uid: readonly number[];
  readonly gid: readonly number[];
  readonly groups: readonly number[];
  readonly capabilities: Readonly<Record<'inheritable' | 'permitted' | 'effective' | 'bounding' | 'ambient', string>>;
  readonly noNewPrivileges: boolean;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly umask: string;
  readonly kernel?: Readonly<Record<string, string>>;
  readonly paths: Readonly<Record<string, RecordedPath>>;
}

export interface RecordedContainer {
  readonly role: string;
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly terminated?: { readonly reason: string; readonly exitCode: number; readonly message?: string };
  readonly restartCount: number;
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups?: readonly number[] };
  readonly show?: Show;
  readonly log?: readonly string[];
}

export interface Recorded {
  readonly pod: string;
  readonly node: {
    readonly kubelet: string;
    readonly containerd: string;
    readonly runc: string;
    readonly kernel: string;
    readonly platform: ProfileName;
    readonly bounding?: string;
  };
  readonly metadata?: { readonly namespace: string; readonly uid: string };
  readonly rejected?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly status?: { readonly phase: string; readonly reason?: string; readonly message?: string };
  readonly events?: readonly { readonly type: string; readonly reason: string; readonly message: string }[];
  readonly containers?: Readonly<Record<string, RecordedContainer>>;
}

/** Those of the usual node, and in folders of their own those of nodes with another runtime. */
export function recordings(): readonly Recorded[] {
  const place = `${folder}recorded`;
  return readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter(
      (name) =>
        name.endsWith('.json') && existsSync(`${folder}pods/${name.slice(name.lastIndexOf('/') + 1).replace(/json$/, 'yaml')}`),
    )
    .sort()
    .map((name) => JSON.parse(readFileSync(`${place}/${name}`, 'utf8')) as Recorded);
}

/** The pod, with the name space and uid it was given, and the objects written beside it. */
export function podOf(recorded: Recorded): { readonly pod: Pod; readonly objects: readonly object[] } {
  const text = readFileSync(`${folder}pods/${recorded.pod}.yaml`, 'utf8');
  const [written, ...objects] = parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS() as object);
  const pod = written as Pod;
  return { pod: { ...pod, metadata: { ...pod.metadata, ...recorded.metadata } }, objects };
}

interface ImageDescription {
  readonly config: ImageConfig;
  readonly files: Readonly<Record<string, Omit<MemoryEntry, 'mode'> & { readonly mode?: string }>>;
}

const IMAGES = JSON.parse(readFileSync(`${folder}images.json`, 'utf8')) as Readonly<Record<string, ImageDescription>>;

export const hasImage = (reference: string): boolean => Object.hasOwn(IMAGES, reference);

export function imageOf(reference: string): LaunchSubject {
  const image = IMAGES[reference];
  if (image === undefined) throw new Error(`images.json lacks ${reference}`);
  const text = (path: string): string | undefined => image.files[path]?.content as string | undefined;
  const files = Object.entries(image.files).map(([path, { mode, ...entry }]): [string, MemoryEntry] => [
    path,
    {
      // The program itself is compiled when the images are made.
      ...(entry.type === 'file' && entry.content === undefined ? { content: '' } : {}),
      ...entry,
      ...(mode === undefined ? {} : { mode: Number.parseInt(mode, 8) }),
    },
  ]);
  return {
    reference,
    config: { ...image.config, exposedPorts: [], labels: {} },
    passwd: text('/etc/passwd'),
    group: text('/etc/group'),
    rootFs: memoryRootFs(Object.fromEntries(files)),
  };
}
