/** The page of `unroot explain`: the answer, the way to it, what it rests on, and what would change it. */
import type { Component, Remedy } from '../../explain/explanation.ts';
import { type Block, bad, dim, good, type Line, type Span, strong, type Tone, unknown } from '../block.ts';
import type { ExplainReport } from '../report.ts';
import { unknownList } from './check.ts';

type Shown = ExplainReport['answers'][number] | NonNullable<ExplainReport['asRoot']>;

/** -v adds every step and every fact. */
export function viewExplain(report: ExplainReport, verbose: boolean): readonly Block[] {
  const { answers, decision, walk } = report;
  const several = answers.length > 1;
  const who: Line = [strong(report.target), ' as ', strong(askerText(report)), ` on ${report.platform}`];
  const answered: Line = [decision.what, ': ', answerText(decision)];
  return [
    { kind: 'heading', line: several ? [...who, ': ', report.asked] : [...who, ': ', ...answered] },
    ...(several ? [answerTable(report), { kind: 'heading', line: answered } as const] : []),
    ...(walk.length > 0 ? [walkTable(walk), ...originsOf(walk)] : []),
    ...stepsOf(report, verbose),
    ...becomesOf(report),
    ...remediesOf(report.remedies),
    ...factsOf(report, verbose),
    ...(report.asRoot === undefined
      ? []
      : [
          {
            kind: 'paragraph',
            line: [dim(`beside it: uid 0 with the default capabilities of ${report.platform}: `), answerText(report.asRoot)],
          } as const,
        ]),
    ...(report.notes.length > 0 ? [unknownList(report.notes)] : []),
  ];
}

const named = (id: number, name: string | undefined): string => (name === undefined ? `${id}` : `${id} (${name})`);

function askerText({ asker }: ExplainReport): string {
  const { uid, gid, groups, userName, groupName } = asker;
  const others = groups.filter((group) => group !== gid);
  const more = others.length === 0 ? '' : `, groups ${others.slice(0, 5).join(', ')}${others.length > 5 ? ' …' : ''}`;
  return `uid ${named(uid, userName)}, gid ${named(gid, groupName)}${more}`;
}

function answerText({ allowed, errno, known, through }: Shown): Span {
  if (!known) return unknown('unknown');
  if (!allowed) return bad(`denied, ${errno ?? 'no'}`);
  return through.length === 0 ? good('allowed') : good(`allowed, through ${through.join(', ')}`);
}

function answerTable({ answers, decision }: ExplainReport): Block {
  const rows = answers.map((one): readonly Line[] => [
    [mark(one.known ? (one.allowed ? 'yes' : 'no') : 'unknown')],
    [one.what === decision.what ? strong(one.to) : one.to],
    [answerText(one)],
    [one.reason ?? ''],
  ]);
  return { kind: 'table', head: ['', 'TO', 'ANSWER', 'BECAUSE'], rows };
}

function mark(verdict: Component['verdict']): Span {
  if (verdict === 'yes') return good('✓');
  if (verdict === 'no') return bad('✗');
  return verdict === 'unknown' ? unknown('?') : dim('·');
}

const PARTS: Readonly<Record<Component['part'], string>> = { path: '', to: 'and to', interpreter: '#! by' };

/** One row per component; where a second path begins, a row that says which. */
function walkTable(walk: readonly Component[]): Block {
  const rows = walk.flatMap((one, index): (readonly Line[])[] => {
    const before = walk[index - 1];
    const begins = before !== undefined && (before.part !== one.part || (one.path === '/' && one.part === 'interpreter'));
    const row = [
      [mark(one.verdict)],
      pathCell(one),
      [one.modeText ?? (one.type === 'missing' ? dim('not there') : unknown('unknown'))],
      [ownerText(one)],
      classCell(one),
      neededCell(one),
      [dim(fromText(one))],
    ];
    return begins ? [[[], [dim(PARTS[one.part])], [], [], [], [], []], row] : [row];
  });
  return { kind: 'table', head: ['', 'PATH', 'MODE', 'OWNER', 'COUNTS AS', 'NEEDS', 'FROM'], rows };
}

/** What is asked for and not granted stands out. */
function neededCell({ needed, granted, verdict }: Component): Line {
  if (verdict !== 'no') return [verdict === 'not-reached' ? dim(needed) : needed];
  if (/owner|sticky/.test(needed)) return [bad(needed)];
  const lacks = [...needed].some((letter) => !(granted ?? '').includes(letter));
  return [...needed].map((letter) => (lacks && (granted ?? '').includes(letter) ? letter : bad(letter)));
}

/** Indented by depth, the last name only. */
function pathCell({ path, target, interpreter, verdict }: Component): Line {
  const depth = path === '/' ? 0 : path.split('/').length - 1;
  const name = path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1);
  const arrow = target === undefined ? (interpreter === undefined ? '' : ` #!${interpreter}`) : ` → ${target}`;
  return [
    ' '.repeat(Math.min(depth, 8)),
    verdict === 'no' ? strong(name) : verdict === 'not-reached' ? dim(name) : name,
    dim(arrow),
  ];
}

/** `0:0 root`, `0:42 root:shadow`. */
function ownerText({ uid, gid, userName, groupName }: Component): string {
  if (uid === undefined) return '';
  const names = userName === groupName ? (userName ?? '') : `${userName ?? uid}:${groupName ?? gid}`;
  return `${uid}:${gid}${names === '' ? '' : ` ${names}`}`;
}

function classCell(one: Component): Line {
  if (one.class === undefined) return [''];
  const name = one.class === 'acl' ? `ACL ${one.entry ?? ''}` : one.class;
  const tone: Tone =
    one.verdict === 'no' ? 'bad' : one.through !== undefined ? 'unknown' : one.verdict === 'yes' ? 'good' : 'dim';
  const through = one.through === undefined ? '' : ` ${one.through}`;
  return [
    { text: `${name} ${one.granted ?? ''}`, tone },
    { text: through, tone: 'strong' },
  ];
}

function fromText({ layer, mount, madeBy }: Component): string {
  if (mount !== undefined) return layer === undefined ? mount.type : `${mount.type}, layer ${layer.index}`;
  if (layer !== undefined) return layer.index < 0 ? 'implied' : `layer ${layer.index}`;
  return madeBy === undefined ? '' : 'engine';
}

/** Each layer and mount of the walk once, with its line of the Dockerfile; ACLs in full. */
function originsOf(walk: readonly Component[]): readonly Block[] {
  const rows = new Map<string, Line>();
  for (const { path, layer, mount, madeBy, acl } of walk) {
    if (layer !== undefined && layer.index >= 0)
      rows.set(`layer ${layer.index}`, [
        dim(`${layer.digest?.slice(0, 19) ?? ''}  `),
        layer.createdBy ?? dim('no line in the history'),
      ]);
    if (layer?.index === -1) rows.set('implied', [dim('a parent folder that no layer mentions: root, 0755')]);
    if (mount !== undefined) {
      const by = { platform: 'by the platform', image: 'VOLUME of the image', settings: 'asked for' }[mount.origin];
      const flags = [mount.readOnly ? 'read-only' : '', ...mount.options.filter((one) => /^no(?:exec|suid|dev)$/.test(one))];
      const said = [mount.source ?? '', by, ...flags].filter((one) => one !== '').join(', ');
      rows.set(`${mount.type} ${mount.target}`, [said]);
    }
    if (madeBy !== undefined) rows.set(path, [madeBy]);
    if (acl !== undefined) rows.set(`ACL ${path}`, [acl.join(' ')]);
  }
  if (rows.size === 0) return [];
  return [{ kind: 'facts', rows: [...rows].map(([name, line]) => ({ name, line })) }];
}

/** The sentence that decided, and which capability would have turned it; with -v every sentence. */
function stepsOf({ steps, decision, walk, asker }: ExplainReport, verbose: boolean): readonly Block[] {
  const chosen = verbose || walk.length === 0 ? steps : steps.slice(-1);
  const { capability } = decision;
  const held = asker.capabilities.effective.length;
  const items = chosen.map((step) => ({
    line: [
      mark(step.ok ? 'yes' : decision.known ? 'no' : 'unknown'),
      ' ',
      step.text,
      dim(step.source === undefined ? '' : ` [${step.source}]`),
    ],
  }));
  const has = held === 0 ? 'has no capability' : 'does not have it';
  const more =
    capability === undefined ? [] : [{ line: [dim('· '), strong(capability), ` would let it through; uid ${asker.uid} ${has}`] }];
  return items.length + more.length === 0 ? [] : [{ kind: 'list', items: [...items, ...more] }];
}

function becomesOf({ becomes, asker }: ExplainReport): readonly Block[] {
  if (becomes === undefined) return [];
  const { uid, gid, capabilities, steps } = becomes;
  const same = uid === asker.uid && gid === asker.gid && capabilities.effective.join() === asker.capabilities.effective.join();
  const held =
    capabilities.effective.length === 0 ? 'no capability in effect' : `in effect: ${capabilities.effective.join(', ')}`;
  const line: Line = same
    ? ['it then runs as who started it: ', `uid ${uid}, gid ${gid}, ${held}`]
    : ['it then runs as ', (uid === 0 ? bad : strong)(`uid ${uid}, gid ${gid}`), `, ${held}`];
  return [{ kind: 'list', items: [{ line, ...(steps.length === 0 ? {} : { sub: steps.map((step): Line => [dim(step)]) }) }] }];
}

function remediesOf(remedies: readonly Remedy[]): readonly Block[] {
  if (remedies.length === 0) return [];
  const items = remedies.map((one) => ({
    line: [one.disposition === 'safe' ? good('safe') : unknown('needs review'), ` ${one.title}`, dim(` [${one.id}]`)],
    ...(one.note === undefined ? {} : { sub: [[dim(one.note)]] }),
  }));
  return [
    { kind: 'heading', line: [dim('what would change it, smallest first')] },
    { kind: 'list', items },
  ];
}

const GROUPS: ReadonlySet<string> = new Set(['groups', 'user']);

/** Facts with their sources; groups when they counted, of the capability sets the one that says why the list is as it is. */
function factsOf({ facts, walk, asker }: ExplainReport, verbose: boolean): readonly Block[] {
  const groupsCount = walk.some((one) => one.class === 'group' || one.class === 'acl');
  const sets = asker.uid === 0 ? 'capabilities.bounding' : 'runtimeCapabilities.permitted';
  const wanted = (field: string): boolean =>
    verbose || (GROUPS.has(field) ? groupsCount : !/apabilities\./.test(field) || field === sets);
  const shown = facts.filter(({ field }) => wanted(field));
  if (shown.length === 0) return [];
  const items = shown.map(({ field, value, source, where }) => {
    const layer = where?.layer === undefined || where.layer < 0 ? '' : `, layer ${where.layer}`;
    const place = where?.path === undefined ? '' : ` [${where.path}${where.line === undefined ? '' : `:${where.line}`}${layer}]`;
    return { line: [strong(field), ` ${short(value, verbose)}`, dim(`  ${source}${place}`)] };
  });
  return [
    { kind: 'heading', line: [dim('it rests on')] },
    { kind: 'list', items },
  ];
}

/** A list of capabilities is long; its number says enough. */
function short(value: string, verbose: boolean): string {
  const parts = value.split(',');
  if (value === '') return 'none';
  return verbose || parts.length < 5 ? value : `${parts.length} of them`;
}
