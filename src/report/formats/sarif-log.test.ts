/** SARIF logs against the schema of OASIS: rules, suppressions, proposed changes. */
import { expect, it } from 'vitest';
import { poisoned, REPORTS } from '../../../test/support/reports.ts';
import { sarifErrors } from '../../../test/support/sarif.ts';
import type { CheckReport } from '../report.ts';
import { renderSarif } from './sarif.ts';

it.each(Object.entries(REPORTS))('%s', (_, report) => {
  expect(sarifErrors(renderSarif(report))).toEqual([]);
  expect(sarifErrors(renderSarif(poisoned(report)))).toEqual([]);
});

it('the schema is no empty one', () => {
  expect(sarifErrors('{"version":"2.1.0","runs":[{"results":[{"level":"bad"}]}]}').length).toBeGreaterThan(1);
});

it('offers the edits of fixes that answer a finding in the same file', () => {
  const report = REPORTS.check as CheckReport;
  const fix = { id: 'user', subject: '', title: 'A numeric user', disposition: 'safe', layer: [], run: {} } as const;
  const edits = [
    { file: 'web.yaml', start: 40, end: 40, text: 'runAsUser: 10001\n' },
    { file: 'web.yaml', start: 10, end: 12, text: '' },
  ];
  const fixes = [
    { ...fix, answers: ['runs-as-root'], edits },
    { ...fix, answers: ['runs-as-root'], edits: [{ ...edits[0]!, file: 'other.yaml' }] },
  ];
  const text = renderSarif({ ...report, fixes });
  expect(sarifErrors(text)).toEqual([]);
  const [{ results, tool }] = JSON.parse(text).runs;
  const withFixes = results.filter((one: { fixes?: unknown }) => one.fixes !== undefined);
  expect(withFixes.map((one: { ruleId: string }) => one.ruleId)).toEqual(['runs-as-root']);
  expect(withFixes[0].fixes).toEqual([
    {
      description: { text: 'A numeric user' },
      artifactChanges: [
        {
          artifactLocation: { uri: 'web.yaml' },
          replacements: [
            { deletedRegion: { charOffset: 10, charLength: 2 } },
            { deletedRegion: { charOffset: 40, charLength: 0 }, insertedContent: { text: 'runAsUser: 10001\n' } },
          ],
        },
      ],
    },
  ]);
  expect(tool.driver.rules.every(({ help }: { help?: { text: string } }) => help?.text.includes('docs/checks/'))).toBe(true);
});
