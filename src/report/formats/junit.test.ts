/** JUnit XML: the shape that all readers take, and what counts as passed, failed, broken and unknown. */
import { describe, expect, it } from 'vitest';
import { type Element, junitErrors, parseXml } from '../../../test/support/junit-shape.ts';
import { EMPTY, HOSTILE, poisoned, REPORTS } from '../../../test/support/reports.ts';
import type { Report } from '../report.ts';
import { render } from './index.ts';

const junit = (report: Report): Promise<string> => render(report, 'junit', { color: false, width: 80, verbose: false });
const kinds = Object.keys(REPORTS);

const cases = async (report: Report): Promise<readonly Element[]> => parseXml(await junit(report)).children[0]!.children;
const told = async (report: Report): Promise<readonly string[][]> =>
  (await cases(report)).map(({ attributes, children }) => [
    attributes.classname!,
    attributes.name!,
    children.find(({ name }) => name !== 'system-out')?.name ?? 'passed',
  ]);

describe('the checker of the shape', () => {
  const good =
    '<testsuites><testsuite name="a" tests="1" failures="0" errors="0" time="0"><testcase name="a" classname="b" time="0"/></testsuite></testsuites>';
  it.each([
    ['a count that is none', good.replace('tests="1"', 'tests="2"'), /tests is 2, there are 1/],
    ['an attribute nobody knows', good.replace('classname="b"', 'classname="b" file="x"'), /unknown attribute file/],
    ['a case without a name', good.replace('name="a" classname', 'name="" classname'), /no name/],
    ['two results', good.replace('time="0"/>', 'time="0"><skipped/><skipped/></testcase>'), /2 of skipped or error or failure/],
    ['a result without a type', good.replace('time="0"/>', 'time="0"><failure message="x"/></testcase>'), /no type/],
  ])('finds %s', (_, text, message) => {
    expect(junitErrors(good)).toEqual([]);
    expect(junitErrors(text).join('\n')).toMatch(message);
  });

  it.each([
    good.replace('"a"', '"a & b"'),
    good.replace('"a"', '"\u0001"'),
    `${good}<b/>`,
    good.replace('</testsuites>', ''),
    `${good}<`,
  ])('throws for what is not well-formed: %s', (text) => {
    expect(() => parseXml(text)).toThrow();
  });
});

describe('junit', () => {
  it.each(kinds)('%s: has the shape, empty and with hostile text too', async (kind) => {
    expect(junitErrors(await junit(REPORTS[kind]!))).toEqual([]);
    expect(junitErrors(await junit(EMPTY[kind]!))).toEqual([]);
    expect(junitErrors(await junit(poisoned(REPORTS[kind]!)))).toEqual([]);
  });

  it.each(kinds)('%s: one case per check and container', async (kind) => {
    const names = (await told(REPORTS[kind]!)).map(([subject, check]) => `${subject}\n${check}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(0);
  });

  it('check: errors and warnings fail, infos pass, what nobody knows is skipped', async () => {
    expect(await told(REPORTS.check!)).toEqual([
      ['oci:web', 'path-not-writable', 'failure'],
      ['web.yaml Deployment/web app', 'runs-as-root', 'failure'],
      ['web.yaml Deployment/web app', 'home-not-writable', 'passed'],
      ['web.yaml', 'readable', 'skipped'],
      ['oci:web', 'not looked at: what a reload does', 'skipped'],
    ]);
    const [first, second] = await cases(REPORTS.check!);
    expect(first!.children[0]!.attributes).toEqual({ message: 'the sentence of path-not-writable (and 1 more)', type: 'error' });
    expect(first!.children[0]!.text).toMatch(
      /the sentence of path-not-writable\n {2}path: \/var\/cache\n.*\n {2}observed: mkdir\("\/var[\s\S]*\none more\n/,
    );
    expect(second!.children[0]!.attributes.type).toBe('warning');
    expect(second!.children[0]!.text).toMatch(/^web\.yaml:7:5: the sentence of runs-as-root\n/);
  });

  it('check without findings: one case that passed, unless something could not be looked at', async () => {
    expect(await told(EMPTY.check!)).toEqual([['oci:web', 'findings', 'passed']]);
    const { diagnostics } = REPORTS.check as Extract<Report, { platform: string; diagnostics: unknown }>;
    expect(await told({ ...EMPTY.check!, diagnostics } as Report)).toEqual([['web.yaml', 'readable', 'skipped']]);
  });

  it('who: root and refusals fail, an image that is not here is skipped, a broken file is an error', async () => {
    expect(await told(REPORTS.who!)).toEqual([
      ['root', 'runs-as-root', 'failure'],
      ['./shop/web.yaml Deployment/shop/web fine', 'runs-as-root', 'passed'],
      ['./shop/web.yaml Deployment/shop/web no', 'start-refused', 'failure'],
      ['- Deployment/shop/web away', 'runs-as-root', 'skipped'],
      ['other.yaml', 'readable', 'error'],
    ]);
  });

  it('Pod Security: every pod is there', async () => {
    expect(await told(REPORTS.podSecurity!)).toEqual([
      ['web.yaml Deployment/web app', 'pod-security-host-ports', 'failure'],
      ['web.yaml Pod/good', 'pod-security restricted:v1.34', 'passed'],
      ['web.yaml Pod/free', 'pod-security restricted:v1.34', 'skipped'],
      ['web.yaml Pod/odd', 'pod-security restricted:v1.34', 'error'],
      ['web.yaml', 'not looked at: web.yaml: no pod in Service/web', 'skipped'],
    ]);
  });

  it.each([
    ['proved', 'passed'],
    ['failed', 'failure'],
    ['inconclusive', 'skipped'],
  ] as const)('prove: %s is %s', async (verdict, result) => {
    const [[, , got] = []] = await told({ ...REPORTS.prove!, verdict } as Report);
    expect(got).toBe(result);
  });

  it('fix without a proof says so', async () => {
    expect(await told(EMPTY.fix!)).toEqual([['oci:web', 'proof', 'skipped']]);
  });

  it('explain: a denial is an answer, not a failure', async () => {
    expect((await told(REPORTS.explain!)).map(([, , result]) => result)).toEqual(['passed', 'passed', 'skipped', 'skipped']);
    expect((await cases(REPORTS.explain!))[0]!.children[0]!.text).toContain('writes /etc/app: denied, EACCES');
  });

  it('gives hostile text back as text', async () => {
    const [first] = await cases(poisoned(REPORTS.check!));
    expect(first!.attributes.classname).toContain('<script>alert(1)</script>"\'><img');
    expect(first!.attributes.classname).toContain('\\x1b[2J\\x00\ufffd\ufffd\\u202e');
    expect(HOSTILE).toContain('\ud800');
  });
});
