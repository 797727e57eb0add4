/** `who` in SARIF: what does not start and what runs as root are results, where they were written. */
import { expect, it } from 'vitest';
import { parseOutputs } from '../../cli/output.ts';
import type { WhoContainer, WhoReport } from '../report.ts';
import { renderSarif } from './sarif.ts';

const workload = { kind: 'Deployment', name: 'web', role: 'container', file: 'a b.yaml', line: 12, column: 9 } as const;
const base = { image: 'nginx:1', platform: 'containerd-2', because: [{ field: 'uid', value: '0', source: 'no USER' }] };
const containers: readonly WhoContainer[] = [
  {
    ...base,
    name: 'refused',
    workload,
    outcome: 'refused',
    refusedBy: 'kubelet',
    reason: 'CreateContainerConfigError',
    message: 'no',
  },
  { ...base, name: 'root', workload, outcome: 'starts', uid: 0, isRoot: true },
  { ...base, name: 'fine', workload, outcome: 'starts', uid: 7, isRoot: false },
  { ...base, name: 'nobody-knows', workload, outcome: 'unknown', message: 'no image' },
  { ...base, name: 'image', outcome: 'starts', uid: 7, isRoot: true },
];

it('has refusals and root as results with rules', () => {
  const report: WhoReport = { schemaVersion: 1, kind: 'who', containers };
  const { runs } = JSON.parse(renderSarif(report));
  const [{ tool, results }] = runs;
  expect(tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(['start-refused', 'runs-as-root']);
  expect(
    results.map((one: { ruleId: string; level: string; message: { text: string } }) => [one.ruleId, one.level, one.message.text]),
  ).toEqual([
    ['start-refused', 'error', 'Deployment web, container refused: does not start (kubelet, CreateContainerConfigError): no'],
    ['runs-as-root', 'warning', 'Deployment web, container root: runs as uid 0'],
    ['runs-as-root', 'warning', 'runs as uid 7, but ends up as root'],
  ]);
  const places = results.map((one: { locations: { physicalLocation: unknown }[] }) => one.locations[0]?.physicalLocation);
  expect(places[0]).toEqual({ artifactLocation: { uri: 'a%20b.yaml' }, region: { startLine: 12, startColumn: 9 } });
  expect(places[2]).toEqual({ artifactLocation: { uri: 'nginx:1' } });
  const marks = results.map((one: { partialFingerprints: Record<string, string> }) => one.partialFingerprints['unroot/v1']);
  expect(new Set(marks).size).toBe(3);
});

it('is refused where nothing is found', () => {
  expect(() => parseOutputs(['sarif=x.sarif'], 'explain')).toThrow('explain has no findings, and SARIF holds nothing else');
  expect(parseOutputs(['sarif'])).toEqual([{ format: 'sarif' }]);
  expect(parseOutputs(['json'], 'explain')).toEqual([{ format: 'json' }]);
});
