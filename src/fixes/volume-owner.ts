/** States which owner a volume must have: the image cannot settle what is mounted over it. */
import type { Finding } from '../finding/finding.ts';
import type { Fix, RunVolume } from '../finding/fix.ts';
import { type FixContext, type Place, placeOf } from './context.ts';
import { findingKey } from './need.ts';
import { takeOverCommands } from './volume-remedy.ts';

interface Asked {
  readonly place: Extract<Place, { kind: 'volume' }>;
  readonly answers: Set<string>;
  /** What was denied, to see what is denied once more. */
  readonly operations: Set<string>;
  /** Something that lies in the folder was denied, not only the folder. */
  below: boolean;
}

/** One requirement per mount that the recipient was denied on. */
export function volumeOwner(findings: readonly Finding[], context: FixContext): Fix[] {
  const byMount = new Map<string, Asked>();
  for (const finding of findings) {
    const path = finding.operation && 'path' in finding.operation ? finding.operation.path : undefined;
    if (path === undefined) continue;
    const place = placeOf(context.rootFs.resolve(path).path, context.target);
    if (place.kind !== 'volume') continue;
    const asked = byMount.get(place.target) ?? { place, answers: new Set(), operations: new Set(), below: false };
    byMount.set(place.target, asked);
    asked.answers.add(findingKey(finding));
    const operation = JSON.stringify(finding.operation);
    const at = finding.decision?.deniedAt?.path ?? '';
    // Met once more although the folder itself was handed over by then: what lies in it is somebody else's as well.
    if (at.startsWith(`${place.target}/`) || asked.operations.has(operation)) asked.below = true;
    asked.operations.add(operation);
  }
  return [...byMount.values()]
    .sort((a, b) => (a.place.target < b.place.target ? -1 : 1))
    .map((asked) => (asked.place.bind ? hostFolder(asked, context) : volume(asked, context)));
}

/** A fresh volume takes owner and mode of the image's directory; one that is there already must be changed where it lives. */
function volume({ place, answers }: Asked, context: FixContext): Fix {
  const path = place.target;
  const { uid, gid, arbitrary } = context.recipient;
  const existing = context.rootFs.resolve(path).entry;
  const wanted = requirement(path, existing?.mode ?? 0o755, context);
  const own = existing?.type === 'directory' || existing === undefined;
  // Under a kubelet what copies nothing is a claim, and fsGroup what gives it to the user; what the image has there is hidden.
  const claim = context.target.platform.kubelet && !place.copies && place.origin === 'settings';
  const volumes: RunVolume[] = [claim ? { ...wanted, remedy: 'fsGroup' } : wanted];
  return {
    id: 'volume-owner',
    subject: path,
    title: claim ? `volume ${path}: group ${gid} through fsGroup` : `volume ${path}: owner ${wanted.owner}, mode ${wanted.mode}`,
    disposition: 'safe',
    answers: [...answers].sort(),
    layer:
      claim || !own
        ? []
        : [
            {
              kind: existing ? 'own' : 'directory',
              path,
              uid: arbitrary ? (existing?.uid ?? 0) : uid,
              gid,
              mode: Number.parseInt(wanted.mode, 8),
            } as const,
          ],
    run: { volumes },
    note: claim
      ? 'a new claim is empty and root’s: the kubelet gives it to the group, adds rw and passes the group on to what is made in it'
      : 'a new volume copies owner and mode from the image; what holds data already was not tried',
  };
}

/** For programs that want to own the folder, or want nobody else to reach it: claims that fsGroup gives to the group are prepared once instead. */
export const ownedClaims = (fixes: readonly Fix[], { recipient }: FixContext): readonly Fix[] =>
  fixes.flatMap((fix): Fix[] => {
    const [claim] = fix.run.volumes ?? [];
    if (fix.id !== 'volume-owner' || claim?.remedy !== 'fsGroup') return [];
    const commands = takeOverCommands(claim.path, recipient);
    return [
      {
        ...fix,
        title: `volume ${claim.path}: owner ${claim.owner}, mode ${claim.mode}, before the first start`,
        disposition: 'needs-review',
        run: { volumes: [{ ...claim, remedy: 'migrate', commands }] },
        note: 'fsGroup does not do: with it the program did not start on a new claim. A job (migrate.yaml) or an init container as root prepares the claim; Pod Security restricted allows neither',
      },
    ];
  });

/** It is no volume of an engine: nothing but a change of the folder itself helps, and fsGroup does not reach a hostPath. */
function hostFolder({ place, answers, below }: Asked, context: FixContext): Fix {
  const path = place.target;
  const node = context.binds?.get(path)?.lookup(path);
  const mode = typeof node === 'object' ? node.inode.mode : (context.rootFs.resolve(path).entry?.mode ?? 0o755);
  const wanted = requirement(path, mode, context);
  const source = context.target.mounts.find(({ target }) => target === path)?.source ?? path;
  const commands = takeOverCommands(path, context.recipient);
  const onHost = takeOverCommands(source, context.recipient).join(' && ');
  return {
    id: 'volume-owner',
    subject: path,
    title: below
      ? `host folder at ${path}: everything in it to owner ${wanted.owner}`
      : `volume ${path}: owner ${wanted.owner}, mode ${wanted.mode}`,
    disposition: 'needs-review',
    answers: [...answers].sort(),
    layer: [],
    run: { volumes: [below ? { ...wanted, remedy: 'migrate', commands } : wanted] },
    note: below
      ? `once, on the host, while nothing uses it: ${onHost}; tried on a copy. fsGroup does not reach a hostPath, and Pod Security baseline forbids one`
      : 'a folder of the host keeps its owner: change it there (chown), or in Kubernetes with an init container; fsGroup does not reach hostPath',
  };
}

function requirement(path: string, base: number, { recipient }: FixContext): RunVolume {
  const { uid, gid, arbitrary } = recipient;
  const mode = arbitrary ? (base & ~0o070) | ((base >> 3) & 0o070) | 0o770 : base | 0o700;
  return { path, owner: arbitrary ? '0:0' : `${uid}:${gid}`, mode: mode.toString(8).padStart(4, '0') };
}
