/** The page of `unroot scan`: namespaces with their workloads, then what is found about them, then what could not be seen. */
import { type Block, bad, dim, good, type Line, plural, type Span, strong, unknown } from '../block.ts';
import type { ScanContainer, ScanNamespace, ScanReport, ScanWorkload } from '../scan-report.ts';
import { findingList, unknownList } from './check.ts';
import { diagnosticList } from './diagnostics.ts';
import { labList } from './labs.ts';
import { suppressedList } from './suppressed.ts';

/** Root is in the table; the list below has what is not to be seen there, unless everything is asked for. */
export function viewScan(report: ScanReport, verbose: boolean): readonly Block[] {
  const { workloads, namespaces } = report;
  const containers = workloads.flatMap((one) => one.containers);
  const count = (wanted: ReturnType<typeof stateOf>): number => containers.filter((one) => stateOf(one) === wanted).length;
  const pods = workloads.reduce((sum, one) => sum + one.pods, 0);
  const parts: Line = [
    ...(count('root') > 0 ? [bad(`${plural(count('root'), 'container')} as root`), ', '] : []),
    ...(count('refused') > 0 ? [bad(`${count('refused')} refused`), ', '] : []),
    ...(count('unknown') > 0 ? [unknown(`${count('unknown')} unknown`), ', '] : []),
    good(`${count('user')} as other users`),
  ];
  const shown = report.findings.filter(({ id, suppressed }) => suppressed === undefined && (verbose || id !== 'runs-as-root'));
  return [
    {
      kind: 'heading',
      line: [
        strong(report.target),
        ` on ${report.platform}: ${plural(workloads.length, 'workload')}, ${plural(pods, 'pod')}; `,
        ...parts,
      ],
    },
    ...namespaces.flatMap((one) =>
      viewNamespace(
        one,
        workloads.filter(({ namespace }) => namespace === one.name),
      ),
    ),
    ...(shown.length > 0 ? [findingList(shown, verbose)] : []),
    ...suppressedList(report.findings, verbose),
    ...(report.diagnostics.length > 0 ? [diagnosticList(report.diagnostics)] : []),
    ...(report.unknown.length > 0 ? [unknownList(report.unknown)] : []),
    ...labList(shown, verbose),
  ];
}

function viewNamespace({ name, podSecurity }: ScanNamespace, workloads: readonly ScanWorkload[]): readonly Block[] {
  const level = podSecurity === undefined ? unknown('Pod Security unknown') : dim(policyText(podSecurity));
  return [
    { kind: 'heading', line: [strong(name), '  ', level] },
    {
      kind: 'table',
      head: ['WORKLOAD', 'CONTAINER', 'RUNS AS', 'PODS', 'PASSES'],
      rows: workloads.flatMap((one) =>
        one.containers.map((container, index): readonly Line[] => [
          index > 0 ? [] : [`${one.kind}/${one.name}`, dim(one.owner === undefined ? '' : ` of ${one.owner}`)],
          [container.name, dim(roleOf(container))],
          [runsAs(container)],
          [index > 0 ? '' : String(one.pods)],
          [index > 0 ? '' : (one.passes ?? '?')],
        ]),
      ),
    },
  ];
}

function policyText({ enforce, audit, warn }: NonNullable<ScanNamespace['podSecurity']>): string {
  const said = [
    `enforces ${enforce}`,
    ...(warn === enforce ? [] : [`warns of ${warn}`]),
    ...(audit === enforce ? [] : [`audits ${audit}`]),
  ];
  return `Pod Security ${said.join(', ')}`;
}

const roleOf = ({ workload }: ScanContainer): string =>
  workload === undefined || workload.role === 'container' ? '' : ` (${workload.role})`;

/** What runs counts before what was written. */
function stateOf({ running, outcome, isRoot }: ScanContainer): 'root' | 'user' | 'refused' | 'unknown' {
  if (running !== undefined) return running.some(({ uid }) => uid === 0) ? 'root' : 'user';
  if (outcome === 'refused') return 'refused';
  if (isRoot === true) return 'root';
  return isRoot === false ? 'user' : 'unknown';
}

function runsAs(one: ScanContainer): Span {
  const state = stateOf(one);
  const tone = { root: bad, user: good, refused: bad, unknown }[state];
  if (one.running !== undefined)
    return tone(`${[...new Set(one.running.map(({ uid, gid }) => `uid ${uid}, gid ${gid}`))].join('; ')} (reported)`);
  if (state === 'refused') return tone(`refused: ${one.reason ?? one.refusedBy ?? ''}`);
  if (one.uid !== undefined) return tone(`uid ${one.uid}${one.gid === undefined ? '' : `, gid ${one.gid}`}`);
  return tone(state === 'root' ? 'root' : state === 'user' ? 'not root' : 'unknown');
}
