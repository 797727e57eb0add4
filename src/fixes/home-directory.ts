/** A home of its own for a user who had root's until now. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { isWithin } from '../linux/file-path.ts';
import { type FixContext, placeOf } from './context.ts';
import { findingKey } from './need.ts';

const NEW_HOME = '/home/nonroot';

const DOT_FILE = /^\/\.[^/.]/;

const under = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** Findings about paths in the old home that is not the new user's. */
export function homeFindings(findings: readonly Finding[], context: FixContext): readonly Finding[] {
  const { asIs, target } = context;
  const moved = (asIs.home !== target.home || setToRoots(context)) && asIs.home !== '/';
  // Without an entry of its own in passwd a uid has / for its home there, whatever HOME says.
  const homeless = target.home === '/' || target.userName === undefined;
  return findings.filter((finding) => {
    const path = finding.operation && 'path' in finding.operation ? finding.operation.path : undefined;
    if (path === undefined) return false;
    // `/.cache`, `/.erlang.cookie`: `$HOME/.…` of somebody without a home.
    return (moved && under(path, asIs.home)) || (homeless && DOT_FILE.test(path) && finding.id === 'path-not-writable');
  });
}

/** `ENV HOME=/root`: the image says so, and it is root's all the same, who lets nobody else in (Debian policy 9.1; base-passwd). */
const setToRoots = ({ asIs, target, accounts, rootFs }: FixContext): boolean => {
  if (asIs.home !== target.home || target.uid === 0) return false;
  const roots =
    (accounts.passwd ?? '')
      .split('\n')
      .find((line) => line.split(':')[2] === '0')
      ?.split(':')[5] ?? '/root';
  const entry = rootFs.resolve(asIs.home).entry;
  return asIs.home === roots && (entry === undefined || (entry.uid === 0 && (entry.mode & 0o022) === 0));
};

/** The home that the program had as nobody but itself: gosu and su-exec take it from passwd, scripts export it. Only when it used something there. */
export function keptHome({ asIs, target, servedHome, trace }: FixContext): string | undefined {
  if (servedHome === undefined || servedHome === asIs.home || servedHome === target.home || servedHome === '/') return undefined;
  const used = (trace?.events ?? []).some(
    ({ operation }) => 'path' in operation && operation.path !== servedHome && isWithin(operation.path, servedHome),
  );
  return used ? servedHome : undefined;
}

/**
 * When the image ships files in the old home which the program reads, HOME stays and the paths are granted one by one (`keeps`);
 * otherwise the user gets an empty home, and the findings in the old one are answered by it.
 */
export function homeDirectory(
  findings: readonly Finding[],
  context: FixContext,
): { readonly fixes: readonly Fix[]; readonly answered: readonly Finding[] } {
  const concerned = homeFindings(findings, context);
  const served = keptHome(context);
  if (served !== undefined) {
    const { asIs, target, rootFs, recipient } = context;
    const { uid, gid, arbitrary } = recipient;
    const keep: Fix = {
      id: 'home-directory',
      subject: served,
      title: `HOME=${served}, as the program had it`,
      disposition: 'safe',
      answers: [...new Set(concerned.map(findingKey))].sort(),
      layer: [],
      run: { env: { HOME: served } },
      note: `what gave up root set it to that (the container started with ${asIs.home}), and nothing gives up root any more; uid ${target.uid} would get ${target.home}, and the program would look for its files, and leave them, elsewhere`,
    };
    const place = placeOf(served, target);
    if (rootFs.resolve(served).entry !== undefined || place.kind === 'kernel' || (place.kind === 'volume' && !place.copies))
      return { fixes: [keep], answered: concerned };
    // The start script made it, in the part that only root runs.
    const folder: Fix = {
      id: 'make-beforehand',
      subject: served,
      title: `Ship ${served} in the image, owned by ${arbitrary ? 'group 0' : `${uid}:${gid}`}`,
      disposition: place.kind === 'volume' ? 'needs-review' : 'safe',
      answers: [],
      layer: [{ kind: 'directory', path: served, uid: arbitrary ? 0 : uid, gid, mode: arbitrary ? 0o770 : 0o700 }],
      run: {},
      note: `the home that the program had was made at the start, as root${place.kind === 'volume' ? `. Kubernetes copies nothing into a new volume: there somebody has to make it in ${place.target} once` : ''}`,
    };
    return { fixes: [keep, folder], answered: concerned };
  }
  if (concerned.length === 0) return { fixes: [], answered: [] };
  const old = context.asIs.home;
  const ships = concerned.some((finding) => {
    const path = finding.operation && 'path' in finding.operation ? finding.operation.path : '';
    return context.rootFs.resolve(path).entry?.type === 'file';
  });
  if (ships) {
    const keep: Fix = {
      id: 'home-directory',
      subject: old,
      title: `HOME=${old}: the program reads files that the image keeps there`,
      disposition: 'needs-review',
      answers: [],
      layer: [],
      run: { env: { HOME: old } },
    };
    return { fixes: [keep], answered: [] };
  }
  const { uid, gid, arbitrary } = context.recipient;
  const fix: Fix = {
    id: 'home-directory',
    subject: NEW_HOME,
    title: `HOME=${NEW_HOME}, owned by ${arbitrary ? 'group 0' : `${uid}:${gid}`}, instead of ${old}`,
    disposition: 'safe',
    answers: [...new Set(concerned.map(findingKey))].sort(),
    layer: [{ kind: 'directory', path: NEW_HOME, uid: arbitrary ? 0 : uid, gid, mode: arbitrary ? 0o770 : 0o700 }],
    run: { env: { HOME: NEW_HOME } },
    note:
      old === '/'
        ? `uid ${context.target.uid} has no home and would get /`
        : setToRoots(context)
          ? `the image sets HOME to ${old}, which is root's`
          : `${old} was home because the container ran as root; uid ${context.target.uid} would get ${context.target.home}`,
  };
  return { fixes: [fix], answered: concerned };
}
