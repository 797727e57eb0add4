/**
 * A root file system that nobody can write: every folder the program writes to needs a mount. As few and as small as possible, and none over
 * files that the program reads: a mount hides them (Docker's and Kubernetes' memory file systems and emptyDirs start empty).
 */
import type { Finding } from '../finding/finding.ts';
import type { Fix, LayerChange, Run } from '../finding/fix.ts';
import type { RootEntry } from '../image/image.ts';
import { baseName, isWithin, parentPath } from '../linux/file-path.ts';
import { noBytecode, writesBytecode } from './bytecode-cache.ts';
import type { FixContext } from './context.ts';
import { type MountKind, mountKind } from './mount-kind.ts';
import { type WriteSpot, type WrittenName, writeSpots } from './write-spots.ts';

export const ID = 'read-only-root';

/** Folders of programs, accounts and configuration, and those that hold everything: never mounted over as a whole. */
const WHOLE = /^\/(?:$|etc$|usr(?:\/|$)|bin$|sbin$|lib\w*$|boot$|opt$|home$|root$|var$|var\/lib$|srv$)/;

/** Above this, copying what is there into a volume at the first start is no small thing. */
const COPY_BYTES = 64 * 1024 * 1024;
/** More links than this, and the folder is written all over. */
const MOST_LINKS = 8;

/** Where files go that must stay where other files are read; below it one folder for each. */
const ELSEWHERE: Readonly<Record<MountKind, string>> = { tmpfs: '/run/writable', volume: '/var/lib/writable' };

export interface ReadOnlyPlan {
  readonly fixes: readonly Fix[];
  /** Keys of findings that no mount can answer, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
  /** Mount points that start as a copy of the image: what is written there needs its owner in the image. */
  readonly copied: readonly string[];
}

/** The fix that says so; the others make it possible. */
export const readOnlyRoot = (): Fix => ({
  id: ID,
  subject: '/',
  title: 'the root file system is read-only',
  disposition: 'safe',
  answers: [],
  layer: [],
  run: { readOnly: true },
});

/** A home of one's own is empty: it needs no place in the image. */
export const homeInMemory = (fix: Fix): Fix =>
  fix.layer.length === 0
    ? fix
    : {
        ...fix,
        title: `HOME=${fix.subject}, a memory file system`,
        layer: [],
        run: { ...fix.run, tmpfs: [`${fix.subject}:mode=1777`] },
      };

/** `findings`: writes to paths of the image itself. */
export function mountsForWrites(findings: readonly Finding[], context: FixContext): ReadOnlyPlan {
  const compiled = findings.filter(writesBytecode);
  const spots = writeSpots(
    findings.filter((finding) => !compiled.includes(finding)),
    context.rootFs,
  );
  const read = filesRead(context);
  const refused = new Map<string, string>();
  const fixes: Fix[] = compiled.length === 0 ? [] : [noBytecode(ID, compiled)];
  const copied: string[] = [];
  for (const spot of spots) {
    const above = fixes.find(({ subject }) => isWithin(spot.folder, subject));
    // Below a folder that is mounted already: its own mount only if somebody else made it, because that mount hides it.
    if (above !== undefined && (copied.includes(above.subject) || madeByProgram(spot.folder, context))) {
      answer(fixes, above, spot);
      continue;
    }
    if (above !== undefined && filledFromImage(context)) {
      const note = `${above.note ?? ''}. Where nothing is copied into it (Docker, Kubernetes) ${spot.folder} needs one of its own`;
      const inside = above.run.tmpfs === undefined ? [] : [`${spot.folder}:mode=1777`];
      const run = inside.length === 0 ? above.run : { ...above.run, tmpfsInside: [...(above.run.tmpfsInside ?? []), ...inside] };
      fixes[fixes.indexOf(above)] = { ...above, run, note, disposition: 'needs-review' };
      answer(fixes, fixes.find(({ subject }) => subject === above.subject) as Fix, spot);
      continue;
    }
    const whole = WHOLE.test(spot.folder);
    const kept = [...read].filter((path) => path.startsWith(`${spot.folder === '/' ? '' : spot.folder}/`));
    const contents = [...spot.names].filter(([, { content }]) => content).map(([name]) => `${spot.folder}/${name}`);
    const hides = [...kept, ...contents];
    // Mounts on folders inside would be on top of a mount: only where there is no other way.
    const folded = spots.some(
      ({ folder }) => folder !== spot.folder && isWithin(folder, spot.folder) && !madeByProgram(folder, context),
    );
    const apart = folded && [...spot.names.values()].every(({ kind }) => kind === 'directory') && !setsModes(spot, context);
    const folders = apart ? besides(spot, context) : undefined;
    if (!whole && hides.length === 0 && folders === undefined) {
      fixes.push(mount(spot.folder, spot, context));
      continue;
    }
    const elsewhere = folders ?? besides(spot, context);
    if (elsewhere !== undefined) fixes.push(...elsewhere);
    else if (!whole && mayCopy(spot.folder, context)) {
      fixes.push(copyingVolume(spot, hides[0] as string, context));
      copied.push(spot.folder);
    } else for (const key of spot.answers) refused.set(key, whyNot(spot, whole, hides[0], context));
  }
  const filled = context.target.platform.tmpfs.copiesContent;
  const starts = fixes.flatMap(({ subject, run }) =>
    run.volumes !== undefined || (filled && run.tmpfs !== undefined) ? [run.volumes?.[0]?.path ?? subject] : [],
  );
  return { fixes, refused, copied: [...new Set([...copied, ...starts])] };
}

const words = (spot: WriteSpot): string => [...spot.names.keys()].slice(0, 3).join(', ') + (spot.names.size > 3 ? ' …' : '');

/**
 * Podman fills a memory file system from the image, folders inside included: they need no mount of their own. It would not do with runc 1.1 anyway,
 * which copies folders with the mode of the top one, at most 0755, and gives that mode to what is mounted on them, whatever is asked for.
 */
const filledFromImage = ({ target: { platform } }: FixContext): boolean => platform.tmpfs.copiesContent;

/** One more spot that a mount takes care of. */
function answer(fixes: Fix[], fix: Fix, spot: WriteSpot): void {
  fixes[fixes.indexOf(fix)] = { ...fix, answers: [...new Set([...fix.answers, ...spot.answers])].sort() };
}

/** Mounted as a whole: nothing that counts is hidden. */
function mount(folder: string, spot: WriteSpot, context: FixContext): Fix {
  const { kind, because } = mountKind(folder, context.left ?? []);
  const answers = [...spot.answers].sort();
  const writes = `the program writes ${words(spot)} there`;
  if (kind === 'volume') return volume(folder, answers, `${writes}; ${because}`, context);
  return {
    id: ID,
    subject: folder,
    title: `${folder}: a memory file system`,
    disposition: 'safe',
    answers,
    layer: opened(context.rootFs.get(folder)),
    run: { tmpfs: [`${folder}:mode=1777`] },
    note: `${writes}; ${because}. In Kubernetes an emptyDir`,
  };
}

/** runc before 1.1.8 and Docker give a memory file system the mode of the directory it covers, and root as its owner, whatever is asked for. */
function opened(entry: RootEntry | undefined): readonly LayerChange[] {
  if (entry === undefined || (entry.mode & 0o777) === 0o777) return [];
  return [{ kind: 'own', path: entry.path, uid: entry.uid, gid: entry.gid, mode: 0o1777 }];
}

/** Owner and mode that the image's directory gives a new volume. */
function volumeMode(folder: string, { rootFs, recipient }: FixContext): number {
  const base = rootFs.get(folder)?.mode ?? 0o755;
  return recipient.arbitrary ? (base & ~0o070) | 0o770 : base | 0o700;
}

/** A volume of data there, the recipient's. */
export function dataVolume(folder: string, context: FixContext): Run['volumes'][number] {
  const { uid, gid, arbitrary } = context.recipient;
  const mode = volumeMode(folder, context).toString(8).padStart(4, '0');
  return { path: folder, owner: arbitrary ? `0:${gid}` : `${uid}:${gid}`, mode };
}

function volume(folder: string, answers: readonly string[], note: string, context: FixContext): Fix {
  const { uid, gid, arbitrary } = context.recipient;
  const existing = context.rootFs.get(folder);
  const mode = volumeMode(folder, context);
  return {
    id: ID,
    subject: folder,
    title: `${folder}: a volume`,
    disposition: 'needs-review',
    answers,
    layer: [{ kind: existing ? 'own' : 'directory', path: folder, uid: arbitrary ? (existing?.uid ?? 0) : uid, gid, mode }],
    run: { volumes: [dataVolume(folder, context)] },
    note:
      mountKind(folder, context.left ?? []).kind === 'tmpfs'
        ? note
        : `${note}; give it a name (or a claim) that stays, or its content goes with the container`,
  };
}

function copyingVolume(spot: WriteSpot, hidden: string, context: FixContext): Fix {
  const note = `the program writes ${words(spot)} there and reads ${hidden}, which a new volume of Docker or Podman starts with; Kubernetes copies nothing: there an init container has to`;
  return volume(spot.folder, [...spot.answers].sort(), note, context);
}

/** One mount for each folder the program makes there, and links for the files that it opens by their names; undefined when that is not all. */
function besides(spot: WriteSpot, context: FixContext): Fix[] | undefined {
  const answers = [...spot.answers].sort();
  const names = [...spot.names].sort(([a], [b]) => (a < b ? -1 : 1));
  const path = (name: string): string => (spot.folder === '/' ? `/${name}` : `${spot.folder}/${name}`);
  if (names.some(([, { kind }]) => kind === 'entry')) return undefined;
  const folders = names.filter(([name, { kind }]) => kind === 'directory' && context.rootFs.get(path(name)) === undefined);
  const files = names.filter(([, { kind }]) => kind === 'file');
  if (folders.length + files.length < names.length || names.length > MOST_LINKS) return undefined;
  const mounts = folders.map(([name]) =>
    mount(path(name), { ...spot, names: new Map([[name, { kind: 'directory', content: false }]]) }, context),
  );
  const links = files.length === 0 ? [] : linked(spot, files, path, context);
  return links === undefined ? undefined : [...mounts, ...links].map((fix) => ({ ...fix, answers }));
}

function linked(
  spot: WriteSpot,
  files: readonly (readonly [string, WrittenName])[],
  path: (name: string) => string,
  context: FixContext,
): Fix[] | undefined {
  // Its content would have to be in the mount before the program starts.
  if (files.some(([, { content }]) => content)) return undefined;
  const kinds = files.map(([name]) => mountKind(path(name), context.left ?? []));
  const lasting = kinds.find(({ kind }) => kind === 'volume');
  const { kind, because } = lasting ?? (kinds[0] as (typeof kinds)[number]);
  const folder = ELSEWHERE[kind] + spot.folder;
  const made = mount(folder, spot, context);
  return [
    {
      ...made,
      title: `${files.map(([name]) => path(name)).join(', ')}: ${files.length === 1 ? 'a link' : 'links'} into ${folder}, ${kind === 'tmpfs' ? 'a memory file system' : 'a volume'}`,
      disposition: 'needs-review',
      layer: [
        ...made.layer,
        ...files.map(
          ([name]): LayerChange => ({ kind: 'symlink', path: path(name), target: `${folder}/${name}`, uid: 0, gid: 0 }),
        ),
      ],
      note: `${spot.folder} holds what the program reads, which a mount would hide; it opens ${words(spot)} by name, and follows a link. ${because}`,
    },
  ];
}

/** Only where the platform fills a new volume from the image, and when it is no big thing. */
function mayCopy(folder: string, context: FixContext): boolean {
  if (context.target.platform.kubelet) return false;
  let bytes = 0;
  for (const entry of context.rootFs.entries()) if (isWithin(entry.path, folder)) bytes += entry.size;
  return bytes <= COPY_BYTES;
}

function whyNot(spot: WriteSpot, whole: boolean, hidden: string | undefined, context: FixContext): string {
  const what = `the program writes ${words(spot)} in ${spot.folder}`;
  if (whole) return `${what}, which is no folder to mount something over, and not in a way that a link could take`;
  if (context.target.platform.kubelet)
    return `${what}, where it also reads ${hidden}: a mount hides that, and Kubernetes copies nothing into one`;
  return `${what}, where it also reads ${hidden}: more than ${COPY_BYTES / 1024 / 1024} MiB would have to be copied into a volume`;
}

/** The program makes this folder itself, or tries to. */
const madeByProgram = (folder: string, { trace, rootFs }: FixContext): boolean =>
  (trace?.events ?? []).some(({ operation }) => operation.kind === 'mkdir' && rootFs.resolve(operation.path).path === folder);

/** It sets the mode or the owner of a folder that it makes there: a mount in its place would be root's. */
const setsModes = ({ folder, names }: WriteSpot, { trace, rootFs }: FixContext): boolean =>
  (trace?.events ?? []).some(({ operation }) => {
    if (operation.kind !== 'chmod' && operation.kind !== 'chown') return false;
    const { path } = rootFs.resolve(operation.path);
    return parentPath(path) === folder && names.get(baseName(path))?.kind === 'directory';
  });

/** Files of the image that the run read or executed, by their real path. What it writes as well is looked at with the writes. */
function filesRead({ trace, rootFs }: FixContext): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const { operation, errno } of trace?.events ?? []) {
    const reads = operation.kind === 'exec' || (operation.kind === 'open' && operation.access === 'read');
    if (errno !== undefined || !reads) continue;
    const entry = rootFs.resolve(operation.path).entry;
    if (entry?.type === 'file') paths.add(entry.path);
  }
  return paths;
}
