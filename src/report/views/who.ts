/** The page of `unroot who`: as whom each container starts, and why. Containers of manifests stand under their workload. */
import { type Block, bad, commandLine, dim, good, type Line, type Span, strong, unknown } from '../block.ts';
import type { WhoContainer, WhoReport } from '../report.ts';
import { diagnosticList } from './diagnostics.ts';

/** One container gets everything; several get a row each, and their derivations when asked for. */
export function viewWho({ containers, diagnostics = [] }: WhoReport, verbose: boolean): readonly Block[] {
  const [only] = containers;
  const blocks =
    only !== undefined && containers.length === 1
      ? [...(only.workload === undefined ? [] : [workloadHeading(only.workload)]), ...viewOne(only, true, verbose)]
      : groupsByWorkload(containers).flatMap((group) => viewSeveral(group, verbose));
  return diagnostics.length === 0 ? blocks : [...blocks, diagnosticList(diagnostics)];
}

/** Neighbours of one workload; images stand together without one. */
function groupsByWorkload(containers: readonly WhoContainer[]): readonly (readonly WhoContainer[])[] {
  const groups: WhoContainer[][] = [];
  let last: string | undefined;
  for (const one of containers) {
    const { kind, name, namespace, file } = one.workload ?? {};
    // A pod's containers belong together, and so do the services of a compose project.
    const key = JSON.stringify([kind, isService(one) ? '' : name, namespace, file]);
    if (key === last) groups.at(-1)?.push(one);
    else groups.push([one]);
    last = key;
  }
  return groups;
}

function viewSeveral(containers: readonly WhoContainer[], verbose: boolean): readonly Block[] {
  const [first] = containers;
  const workload = first?.workload;
  const heading = first !== undefined && isService(first) ? projectHeading : workloadHeading;
  const rows = containers.map((one): readonly Line[] => [
    [strong(one.name), dim(roleOf(one))],
    [runsAs(one)],
    [groupsOf(one)],
    [effective(one)],
    [privileges(one)],
  ]);
  const told = containers.filter((one) => one.message !== undefined);
  return [
    ...(workload === undefined ? [] : [heading(workload)]),
    {
      kind: 'table',
      head: [
        first !== undefined && isService(first) ? 'SERVICE' : 'CONTAINER',
        'RUNS AS',
        'GROUPS',
        'CAPABILITIES',
        'NEW PRIVILEGES',
      ],
      rows,
    },
    ...(told.length > 0
      ? [{ kind: 'list', items: told.map((one) => ({ line: [strong(one.name), `: ${one.message ?? ''}`] })) } as const]
      : []),
    ...(verbose ? containers.flatMap((one) => viewOne(one, false, true)) : []),
  ];
}

const roleOf = ({ workload }: WhoContainer): string =>
  workload === undefined || workload.role === 'container' ? '' : ` (${workload.role})`;

const isService = ({ workload }: WhoContainer): boolean => workload?.kind === 'service';

function projectHeading({ namespace, file }: NonNullable<WhoContainer['workload']>): Block {
  return {
    kind: 'heading',
    line: [strong(`compose project ${namespace ?? ''}`.trimEnd()), dim(`  ${file === '-' ? 'standard input' : file}`)],
  };
}

function workloadHeading({ kind, name, namespace, file, line }: NonNullable<WhoContainer['workload']>): Block {
  const full = namespace === undefined ? name : `${namespace}/${name}`;
  return {
    kind: 'heading',
    line: [strong(`${kind} ${full}`.trimEnd()), dim(`  ${file === '-' ? 'standard input' : file}:${line}`)],
  };
}

/** Steps that everybody wants to see; the others come with -v. */
const SHOWN = new Set([
  'user',
  'uid',
  'gid',
  'groups',
  'userName',
  'hostUid',
  'home',
  'noNewPrivileges',
  'capabilities.effective',
]);

function viewOne(one: WhoContainer, alone: boolean, verbose: boolean): readonly Block[] {
  const starts = one.outcome === 'starts';
  const steps = one.because.filter((step) => verbose || !starts || SHOWN.has(step.field));
  const rows = steps.map((step) => ({
    name: step.field,
    line: [...(verbose ? [strong(step.value), ': '] : []), step.source, dim(place(step.where))],
  }));
  return [
    { kind: 'heading', line: headline(one) },
    ...(starts && !alone ? [] : [{ kind: 'facts', rows: starts ? factsOf(one) : [imageFact(one)] } as const]),
    ...(rows.length > 0 ? [{ kind: 'heading', line: [dim('because')] } as const, { kind: 'facts', rows } as const] : []),
  ];
}

function headline(one: WhoContainer): Line {
  if (one.outcome === 'refused')
    return [
      strong(one.name),
      ': ',
      bad('does not start'),
      ` (${one.refusedBy ?? 'runtime'}, ${one.reason ?? ''}): ${one.message ?? ''}`,
    ];
  if (one.outcome === 'unknown') return [strong(one.name), ': ', unknown('unknown'), `: ${one.message ?? ''}`];
  return [strong(one.name), ' runs as ', runsAs(one), one.isRoot ? bad(rootText(one)) : ''];
}

function rootText({ uid, hostUid }: WhoContainer): string {
  if (uid !== 0) return ', but its set-user-ID entrypoint makes it root';
  return hostUid === 0 ? ': root on the host as well' : ': root inside';
}

const imageFact = (one: WhoContainer): { name: string; line: Line } => ({
  name: 'image',
  line: [one.image, dim(`  as ${one.platform} starts it`)],
});

function factsOf(one: WhoContainer): readonly { name: string; line: Line }[] {
  return [
    imageFact(one),
    { name: 'command', line: [commandLine(one.argv ?? [])] },
    { name: 'groups', line: [groupsOf(one)] },
    { name: 'host uid', line: one.hostUid === 0 ? [bad('0')] : [String(one.hostUid)] },
    { name: 'HOME', line: [one.home ?? ''] },
    { name: 'directory', line: [one.cwd ?? ''] },
    { name: 'capabilities', line: capabilityLine(one) },
    { name: 'new privileges', line: [privileges(one)] },
  ];
}

function runsAs(one: WhoContainer): Span {
  if (one.outcome === 'refused') return bad('refused');
  if (one.outcome === 'unknown') return sure(one);
  const text = `uid ${one.uid}${one.userName === undefined ? '' : ` (${one.userName})`}, gid ${one.gid}`;
  return one.isRoot ? bad(text) : good(text);
}

/** What is known although the image is not. */
function sure({ uid, gid, isRoot }: WhoContainer): Span {
  if (uid === undefined && gid === undefined) return unknown('unknown');
  const text = `uid ${uid ?? '?'}, gid ${gid ?? '?'}`;
  return isRoot === true ? bad(text) : unknown(text);
}

const groupsOf = (one: WhoContainer): string =>
  one.groups === undefined ? (one.outcome === 'unknown' ? '?' : '') : one.groups.length === 0 ? 'none' : one.groups.join(', ');

const short = (name: string): string => name.replace(/^CAP_/, '').toLowerCase();

function effective(one: WhoContainer): Span {
  if (one.capabilities === undefined) return one.outcome === 'unknown' ? unknown('?') : '';
  const { effective: held, bounding } = one.capabilities;
  return held.length > 0 ? bad(`${held.length} in effect`) : good(`none in effect, ${bounding.length} bounding`);
}

function capabilityLine(one: WhoContainer): Line {
  const state = one.capabilities;
  if (state === undefined) return [''];
  if (state.effective.length > 0)
    return [bad(`${state.effective.length} in effect`), `: ${state.effective.map(short).join(' ')}`];
  return [
    good('none in effect'),
    state.bounding.length > 0
      ? `; a set-uid or capability-carrying file could bring: ${state.bounding.map(short).join(' ')}`
      : '',
  ];
}

const privileges = (one: WhoContainer): Span =>
  one.noNewPrivileges === undefined ? '' : one.noNewPrivileges ? good('barred') : 'possible';

function place(where: WhoContainer['because'][number]['where']): string {
  if (where === undefined) return '';
  const parts = [where.file ?? where.path, where.line].filter((part) => part !== undefined).join(':');
  const layer = where.layer === undefined ? '' : `layer ${where.layer}`;
  const text = [parts, layer].filter((part) => part !== '').join(', ');
  return text === '' ? '' : ` [${text}]`;
}
