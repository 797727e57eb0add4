/**
 * Folders that a start script makes only when it is root (`if [ "$(id -u)" = 0 ]; then mkdir -p /run/app; chown app /run/app; exec gosu app …; fi`):
 * started as the user it does not come there, and the program finds nothing where its files go. Nobody is denied anything, so no rule about rights sees it.
 */
import type { Fix, LayerChange } from '../finding/fix.ts';
import { isWithin } from '../linux/file-path.ts';
import type { Trace } from '../trace/event.ts';
import { type FixContext, placeOf } from './context.ts';
import { groupAsUser } from './make-beforehand.ts';
import { looksMoving } from './said-names.ts';

/** The run that was broken, as far as this is about it. */
export interface BrokenRun {
  readonly trace?: Trace;
  readonly stdout: string;
  readonly stderr: string;
}

/** Only for a run that did not work: many programs look for folders that they can do without. */
export function leftOutFolders(run: BrokenRun, context: FixContext): readonly Fix[] {
  const { left = [], rootFs, target, recipient } = context;
  const events = run.trace?.events ?? [];
  // `/var/run/app` is `/run/app`.
  const real = (path: string): string => rootFs.resolve(path).path;
  const made = new Set(
    events.flatMap(({ operation, errno }) => (operation.kind === 'mkdir' && errno === undefined ? [real(operation.path)] : [])),
  );
  const missed = events.flatMap(({ operation, errno }) => (errno === 'ENOENT' ? placesOf(operation).map(real) : []));
  const words = `${run.stdout}\n${run.stderr}`;
  // Where nobody watches, the program's own words have to name it.
  const isMissed = (path: string): boolean =>
    run.trace?.tracer === 'strace' ? missed.some((one) => isWithin(one, path)) : words.includes(path);
  const folders = left.filter(({ path, change, type }) => {
    if (change !== 'added' || type !== 'directory' || made.has(path) || path.split('/').some((name) => looksMoving(`/${name}`)))
      return false;
    const place = placeOf(path, target);
    const ships = place.kind === 'image' || (place.kind === 'volume' && place.copies);
    return ships && rootFs.resolve(path).entry === undefined && isMissed(path);
  });
  const { uid, gid, arbitrary } = recipient;
  return folders
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, mode }): Fix => {
      const own = (mode & 0o777 & ~0o022) | 0o700;
      const change: LayerChange = {
        kind: 'directory',
        path,
        uid: arbitrary ? 0 : uid,
        gid,
        mode: arbitrary ? groupAsUser(own) : own,
      };
      const volume = placeOf(path, target).kind === 'volume';
      return {
        id: 'make-beforehand',
        subject: path,
        title: `Ship ${path} in the image, owned by ${arbitrary ? 'group 0' : `${uid}:${gid}`}`,
        disposition: volume ? 'needs-review' : 'safe',
        answers: [],
        layer: [change],
        run: {},
        note: `the start makes it only as root, and as uid ${target.uid} the program looked for it in vain${volume ? '. Kubernetes copies nothing into a new volume: there somebody has to make it once' : ''}`,
      };
    });
}

/** Everything that an operation needs to be there, or wants to make. */
const placesOf = (operation: Trace['events'][number]['operation']): readonly string[] => [
  ...('path' in operation ? [operation.path] : []),
  ...('to' in operation && typeof operation.to === 'string' ? [operation.to] : []),
];
