/** What an ignore in a text covers, how long it holds, and what is said of those that hold nothing. */
import { describe, expect, it } from 'vitest';
import { sourceFile } from '../text/source-file.ts';
import { applyBaseline, baselineOf } from './baseline.ts';
import type { Finding } from './finding.ts';
import { applyIgnores, type IgnoreContext, type IgnoresRead } from './ignore.ts';
import { ignoresIn } from './ignores-in.ts';

const context: IgnoreContext = { today: '2026-11-21', ids: ['runs-as-root', 'low-port', 'named-user'], target: 'image' };
const finding = (line: number, id = 'runs-as-root', more: Partial<Finding> = {}): Finding => ({
  id,
  severity: 'warning',
  confidence: 'high',
  message: `${id} at ${line}`,
  where: { file: 'f', line },
  evidence: [],
  ...more,
});
const read = (text: string): IgnoresRead => ignoresIn([sourceFile('f', text)]);
/** Lines of a text on which a finding is ignored. */
function ignored(text: string, id = 'runs-as-root'): readonly number[] {
  const all = text.split('\n').map((_, index) => finding(index + 1, id));
  const { findings } = applyIgnores(all, read(text).ignores, context);
  return findings.flatMap(({ suppressed, where }) => (suppressed === undefined ? [] : [where.line!]));
}

const POD = `apiVersion: v1
kind: Pod
spec:
  # unroot-ignore runs-as-root: the whole list
  containers:
  - name: a
    image: a

  - name: b
  volumes: []
---
# unroot-ignore low-port: the object
apiVersion: v1
kind: Pod

spec: {}
---
kind: Pod # unroot-ignore named-user: the object
spec:
  containers:
    - name: c # unroot-ignore runs-as-root: this container
      image: c
      ports: []
    - name: d
`;

describe('a comment', () => {
  it('covers what belongs to its line, or to the line after it', () => {
    expect(ignored(POD)).toEqual([5, 6, 7, 8, 9, 21, 22, 23]);
    expect(ignored(POD, 'low-port')).toEqual([13, 14, 15, 16]);
    expect(ignored(POD, 'named-user')).toEqual([18, 19, 20, 21, 22, 23, 24]);
  });

  it('covers an instruction of a Dockerfile with its continuations', () => {
    const text =
      'FROM a\n# unroot-ignore runs-as-root: r\n\nRUN a && \\\n# in between\nb \\\n  && c\nUSER root # unroot-ignore runs-as-root: here\nCMD x';
    expect(ignored(text)).toEqual([4, 5, 6, 7, 8]);
  });

  it('holds to the end of its last day', () => {
    const until = (day: string): readonly number[] => ignored(`a: b # unroot-ignore runs-as-root until=${day}: r`);
    expect([until('2026-11-20'), until('2026-11-21'), until('2026-11-22')]).toEqual([[], [1], [1]]);
  });

  it.each([
    ['# unroot-ignore runs-as-root', 'gives no reason'],
    ['# unroot-ignore runs-as-root:  ', 'gives no reason'],
    ['# unroot-ignore : r', 'names no check'],
    ['# unroot-ignore runs-as-root until=2026-02-30: r', '"2026-02-30" is no day'],
    ['# unroot-ignore runs-as-root until=2026-02-01 until=2027-01-01: r', 'two last days'],
    ['# unroot-ignore Runs_As: r', '"Runs_As" is no id'],
  ])('%s does not hold', (text, message) => {
    const { ignores, problems } = read(`${text}\na: b`);
    expect(ignores).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ severity: 'warning', where: { file: 'f', line: 1, column: 1 } });
    expect(problems[0]?.message).toContain(message);
  });

  it('is one only where it says so', () => {
    expect(read('a: "#unroot-ignore-not x: y"\nb: x#unroot-ignore a: b\n# unroot-ignored x: y')).toMatchObject({
      ignores: [],
      problems: [],
    });
  });
});

describe('ignores', () => {
  const told = (text: string, findings: readonly Finding[]): readonly (readonly [string, string])[] =>
    applyIgnores(findings, read(text).ignores, context).problems.map(({ severity, message }) => [severity, message]);

  it('that are unused, over, or of no check are told', () => {
    expect(told('a: b # unroot-ignore low-port: r', [finding(1)])).toEqual([
      ['info', 'This ignore of low-port covers no finding: it can go'],
    ]);
    expect(told('a: b # unroot-ignore runs-as-root until=2020-01-01: r', [finding(1)])).toEqual([
      ['warning', 'This ignore of runs-as-root was for the time until 2020-01-01 and holds no more: r'],
    ]);
    expect(told('a: b # unroot-ignore runs-as-rot: r', [finding(1)])).toEqual([
      ['warning', 'There is no check "runs-as-rot": what it was to ignore is told'],
    ]);
    expect(told('a: b # unroot-ignore runs-as-*: r', [finding(1)])).toEqual([]);
  });

  it('of annotations cover their object, their template, or one container', () => {
    const text = `apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    unroot.dev/ignore: "low-port, named-user until=2027-01-01: object"
spec:
  template:
    metadata:
      annotations:
        unroot.dev/ignore.runs-as-root: "until=2027-01-01: template"
        container.unroot.dev/db.low-port: one container
        container.unroot.dev/db: nothing
        unroot.dev/ignore.named-user: ""
    spec: {}
status: {}
`;
    const { ignores, problems } = read(text);
    expect(
      ignores.map(({ ids, until, reason, lines, container }) => [ids, until, reason, lines?.from, lines?.to, container]),
    ).toEqual([
      [['low-port', 'named-user'], '2027-01-01', 'object', 1, 15, undefined],
      [['runs-as-root'], '2027-01-01', 'template', 8, 14, undefined],
      [['low-port'], undefined, 'one container', 8, 14, 'db'],
    ]);
    expect(problems.map(({ where, message }) => [where.line, message.includes('does not hold')])).toEqual([
      [12, true],
      [13, true],
    ]);
    const only = ignores.slice(2);
    const [db, web] = applyIgnores(
      [finding(14, 'low-port', { container: 'db' }), finding(14, 'low-port', { container: 'web' })],
      only,
      context,
    ).findings;
    expect(db?.suppressed).toEqual({ by: 'annotation', reason: 'one container', where: { file: 'f', line: 11, column: 9 } });
    expect(web?.suppressed).toBeUndefined();
  });

  it('of the configuration fit by all kinds of patterns at once', () => {
    const one = { by: 'file', ids: ['*'], reason: 'r', where: {} } as const;
    const there = finding(3, 'low-port', {
      where: { file: './deploy/web.yaml', line: 3, path: '/data/x' },
      object: 'Deployment/web',
    });
    const fits = (patterns: object, about: Finding = there): boolean =>
      applyIgnores([about], [{ ...one, patterns }], { ...context, below: (file) => `repo/${file}` }).findings[0]?.suppressed !==
      undefined;
    expect(fits({})).toBe(true);
    expect(fits({ files: ['deploy/*'], objects: ['Deployment/*'], paths: ['/data/**'] })).toBe(true);
    expect(fits({ files: ['repo/**'] })).toBe(true);
    expect(fits({ files: ['deploy/*'], containers: ['web'] })).toBe(false);
    expect(fits({ targets: ['image'] })).toBe(false);
    expect(fits({ targets: ['ima*'] }, finding(1, 'low-port', { where: {} }))).toBe(true);
  });
});

describe('a baseline', () => {
  const placed = (line: number, text: string): Finding =>
    finding(line, 'runs-as-root', { object: 'Pod/a', container: 'c', evidence: [{ kind: 'derived', text }] });

  it('knows findings after their lines have moved, each as often as it was there', () => {
    const baseline = baselineOf([placed(1, 'x'), placed(2, 'x'), placed(3, 'y')]);
    expect(baseline.findings.map(({ count }) => count)).toEqual([2, 1]);
    const { findings, gone } = applyBaseline(
      [placed(11, 'x'), placed(12, 'x'), placed(13, 'x'), placed(9, 'z')],
      baseline,
      'b.json',
    );
    expect(findings.map(({ suppressed }) => suppressed?.by)).toEqual(['baseline', 'baseline', undefined, undefined]);
    expect(gone).toBe(1);
  });

  it('does not take up what is ignored, and does not miss it', () => {
    const ignoredOne = { ...placed(1, 'x'), suppressed: { by: 'comment', reason: 'r' } } as const;
    expect(baselineOf([ignoredOne]).findings).toEqual([]);
    expect(applyBaseline([ignoredOne], baselineOf([placed(1, 'x')]), 'b')).toEqual({ findings: [ignoredOne], gone: 0 });
  });
});
