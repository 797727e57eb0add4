/** The page of `unroot fix`: what changes, why it is the smallest change, and whether it was seen to work. */
import type { Fix, LayerChange, Run, RunVolume } from '../../finding/fix.ts';
import type { SmallerRoot } from '../../prove/smaller-root.ts';
import { octal } from '../../text/octal.ts';
import { type Block, bad, bytes, commandLine, dim, good, type Line, plural, strong, unknown } from '../block.ts';
import type { FixReport } from '../report.ts';
import { findingList, unknownList } from './check.ts';
import { labList } from './labs.ts';
import { beforeAfter, reasonList, verdictSpan } from './prove.ts';

/** Fixes, the run settings, what is left, and the proof. */
export function viewFix(report: FixReport, verbose: boolean): readonly Block[] {
  const added =
    report.addedBytes === undefined || report.addedBytes === 0 ? '' : `, one layer of ${bytes(report.addedBytes)} added`;
  const blocks: Block[] = [
    {
      kind: 'heading',
      line: [
        strong(report.target),
        ' as ',
        strong(report.user),
        report.fixes.length === 0
          ? ': nothing to change but the user'
          : `: ${plural(report.fixes.length, 'fix').replace('fixs', 'fixes')}${added}`,
      ],
    },
  ];
  if (report.fixes.length > 0)
    blocks.push({ kind: 'list', items: report.fixes.map((fix) => ({ line: titleLine(fix), sub: changeLines(fix, verbose) })) });
  blocks.push({ kind: 'facts', rows: runFacts(report.run) });
  if (report.dockerfile !== undefined && report.written === undefined)
    blocks.push({ kind: 'code', language: 'dockerfile', text: report.dockerfile });
  if (report.unresolved.length > 0) {
    blocks.push(
      { kind: 'heading', line: [unknown(`${plural(report.unresolved.length, 'finding')} left`)] },
      findingList(report.unresolved, verbose),
      ...labList(report.unresolved, verbose),
    );
  }
  if (report.unknown.length > 0) blocks.push(unknownList(report.unknown));
  if (report.verdict !== undefined) blocks.push({ kind: 'heading', line: ['verdict: ', verdictSpan(report.verdict)] });
  if (report.proof !== undefined) {
    blocks.push(beforeAfter(report.proof));
    blocks.push(reasonList(report.proof.reasons));
  }
  if (report.smallerRoot !== undefined) blocks.push(...smallerRootBlocks(report.smallerRoot));
  if (report.written !== undefined)
    blocks.push({
      kind: 'paragraph',
      line: ['written to ', strong(report.written.directory), `: ${report.written.files.join(', ')}`],
    });
  return blocks;
}

/** Never green: it is root all the same. */
const smallerRootBlocks = (root: SmallerRoot): readonly Block[] => [
  {
    kind: 'heading',
    line: [bad('needs root'), root.works ? ': a smaller one does the same work' : ': no smaller one was seen to work'],
  },
  {
    kind: 'list',
    items: [
      ...root.why.map((text) => ({ line: [text] })),
      ...root.evidence.map(({ program, what, errno }) => ({ line: [bad('denied'), ` ${program} ${what}: ${errno}`] })),
      ...root.instead.map((text) => ({ line: [`instead: ${text}`] })),
    ],
  },
  {
    kind: 'facts',
    rows: [
      { name: 'user', line: [bad(`${root.run.user}, the image as it is`)] },
      ...root.capabilities.map(({ name, because }) => ({ name, line: [because] })),
      ...runFacts(root.run).filter(({ name }) => name === 'capabilities' || name === 'new privileges'),
    ],
  },
  { kind: 'list', items: root.notes.map((text) => ({ line: [dim('note'), ` ${text}`] })) },
];

const titleLine = (fix: Fix): Line => [
  fix.disposition === 'safe' ? good('safe') : unknown('needs review'),
  ` ${fix.title}`,
  dim(` [${fix.id}]`),
];

function changeLines(fix: Fix, verbose: boolean): readonly Line[] {
  const shown = verbose ? fix.layer : fix.layer.slice(0, 6);
  const left = fix.layer.length - shown.length;
  return [
    ...shown.map((change): Line => [changeText(change)]),
    ...(left > 0 ? [[dim(`and ${left} more (-v)`)]] : []),
    ...(fix.note === undefined ? [] : [[dim(fix.note)]]),
  ];
}

function changeText(change: LayerChange): string {
  const owner = `${change.uid}:${change.gid}`;
  switch (change.kind) {
    case 'own':
      return `${change.path}  owner ${owner}, mode ${octal(change.mode)}${capabilitiesText(change.capabilities)}`;
    case 'directory':
      return `${change.path}/  new directory, owner ${owner}, mode ${octal(change.mode)}`;
    case 'file':
      return `${change.path}  new content, owner ${owner}, mode ${octal(change.mode)}`;
    case 'symlink':
      return `${change.path} -> ${change.target}  owner ${owner}`;
  }
}

function capabilitiesText(names: readonly string[] | undefined): string {
  if (names === undefined) return '';
  return names.length === 0 ? ', without file capabilities' : `, file capabilities ${names.join(', ')}`;
}

function volumeText({ path, owner, mode, remedy, commands }: RunVolume): string {
  const once = commands === undefined ? '' : `${commands.join(' && ')} once`;
  const group = remedy === 'fsGroup' ? [`fsGroup${once === '' ? '' : ', elsewhere '}`] : [];
  const old = remedy === undefined ? '' : `, old data: ${group.join('')}${once}`;
  return `${path} owner ${owner} mode ${mode}${old}`;
}

const portText = ({ from, to, protocol }: Run['ports'][number]): string =>
  `${from === to ? to : `${from} -> ${to}`}${protocol === undefined ? '' : `/${protocol}`}`;

/** The settings to start it with, only those that say something. */
function runFacts(run: Run): readonly { name: string; line: Line }[] {
  const facts: (readonly [string, string])[] = [
    ['user', run.user],
    ['entrypoint', commandLine(run.entrypoint ?? [])],
    ['command', commandLine(run.command ?? [])],
    ['directory', run.workdir ?? ''],
    ['ports', run.ports.map(portText).join(', ')],
    ['tmpfs', run.tmpfs.join(', ')],
    ['volumes', run.volumes.map(volumeText).join('; ')],
    [
      'environment',
      Object.entries(run.env)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ],
    [
      'sysctls',
      Object.entries(run.sysctls)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ],
    ['capabilities', [...run.capDrop.map((name) => `-${name}`), ...run.capAdd.map((name) => `+${name}`)].join(' ')],
    ['new privileges', run.noNewPrivileges ? 'barred' : 'possible'],
    ['root file system', run.readOnly ? 'read-only' : ''],
    ['network', run.network === undefined ? '' : "the host's"],
    ['health check', commandLine(run.healthcheck ?? [])],
  ];
  return facts.filter(([, value]) => value !== '').map(([name, value]) => ({ name, line: [value] }));
}
