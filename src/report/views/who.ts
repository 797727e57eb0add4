/** The page of `unroot who`: as whom each container starts, and why. */
import { type Block, bad, commandLine, dim, good, type Line, type Span, strong, unknown } from '../block.ts';
import type { WhoContainer, WhoReport } from '../report.ts';

/** One container gets everything; several get a row each, and their derivations when asked for. */
export function viewWho(report: WhoReport, verbose: boolean): readonly Block[] {
  const [only] = report.containers;
  if (only !== undefined && report.containers.length === 1) return viewOne(only, true, verbose);
  const rows = report.containers.map((one): readonly Line[] => [
    [strong(one.name)],
    [runsAs(one)],
    [groupsOf(one)],
    [effective(one)],
    [privileges(one)],
  ]);
  const refused = report.containers.filter((one) => one.message !== undefined);
  return [
    { kind: 'table', head: ['CONTAINER', 'RUNS AS', 'GROUPS', 'CAPABILITIES', 'NEW PRIVILEGES'], rows },
    ...(refused.length > 0
      ? [{ kind: 'list', items: refused.map((one) => ({ line: [strong(one.name), `: ${one.message ?? ''}`] })) } as const]
      : []),
    ...(verbose ? report.containers.flatMap((one) => viewOne(one, false, true)) : []),
  ];
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
  if (one.outcome === 'unknown') return unknown('unknown');
  const text = `uid ${one.uid}${one.userName === undefined ? '' : ` (${one.userName})`}, gid ${one.gid}`;
  return one.isRoot ? bad(text) : good(text);
}

const groupsOf = (one: WhoContainer): string =>
  one.groups === undefined ? '' : one.groups.length === 0 ? 'none' : one.groups.join(', ');

const short = (name: string): string => name.replace(/^CAP_/, '').toLowerCase();

function effective(one: WhoContainer): Span {
  if (one.capabilities === undefined) return '';
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
