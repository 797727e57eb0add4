/** The formats for test pages, pull requests and browsers through the command line: three files of one run. Every test starts the real bundle. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshDist } from './support/build.ts';
import { unroot } from './support/cli.ts';
import { junitErrors, parseXml } from './support/junit-shape.ts';

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-formats-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// A name as the API server would refuse it, and as a file may hold it all the same.
const POD = `apiVersion: v1
kind: Pod
metadata:
  name: "<img src=x>%0A::error::"
spec:
  containers:
    - name: app
      image: nowhere/app:1
      securityContext: {runAsUser: 0}
`;
const FILES = ['junit=out.xml', 'github=out.txt', 'html=out.html'];

const outputs = async (
  ...args: readonly string[]
): Promise<{ code: number | null; xml: string; github: string; html: string }> => {
  const { code, stdout, stderr } = await unroot([...args, ...FILES.flatMap((one) => ['-o', one])], { cwd: folder });
  expect(stdout, stderr).toBe('');
  const [xml = '', github = '', html = ''] = FILES.map((one) => readFileSync(join(folder, one.split('=')[1]!), 'utf8'));
  return { code, xml, github, html };
};

it('check writes all three at once, whole, and exits as it would without', async () => {
  writeFileSync(join(folder, 'pod.yaml'), POD);
  const { code, xml, github, html } = await outputs('check', 'pod.yaml', '--fail-on', 'warning');
  expect(code).toBe(1);
  expect(readdirSync(folder).sort()).toEqual(['out.html', 'out.txt', 'out.xml', 'pod.yaml']);
  expect(junitErrors(xml)).toEqual([]);
  const { tests, failures, skipped } = parseXml(xml).children[0]!.attributes;
  expect({ tests, failures, skipped }).toEqual({ tests: '2', failures: '1', skipped: '1' });
  expect(github.split('\n')[0]).toBe(
    '::warning file=pod.yaml,line=9,col=36,title=runs-as-root%3A Pod/<img src=x>%250A%3A%3Aerror%3A%3A app::runs as uid 0: runAsUser 0, whatever the image says%0Aderived: runAsUser is 0',
  );
  expect(html).toMatch(/^<!DOCTYPE html>[\s\S]*<\/html>\n$/);
  expect(html).toContain('&lt;img src=x&gt;');
  expect(html).not.toContain('<img');
});

it('Pod Security and who write them too', async () => {
  writeFileSync(join(folder, 'pod.yaml'), POD);
  const rules = await outputs('check', 'pod.yaml', '--pod-security', 'restricted:v1.34');
  expect(rules.code).toBe(1);
  expect(junitErrors(rules.xml)).toEqual([]);
  expect(rules.github).toMatch(/^::error file=pod\.yaml,line=\d+,col=\d+,title=pod-security-/);
  expect(rules.html).toContain('<title>unroot check pod.yaml</title>');
  expect(rules.html).not.toContain('<img');
  const who = await outputs('who', 'pod.yaml');
  expect(junitErrors(who.xml)).toEqual([]);
  expect(who.github).toMatch(/^::warning file=pod\.yaml,line=7,col=7,title=runs-as-root/);
  expect(who.html).toContain('<title>unroot who pod.yaml</title>');
});

it('--help names every format', async () => {
  const { stdout } = await unroot(['check', '--help']);
  expect(stdout.replace(/\s+/g, ' ')).toContain('table, json, yaml, ndjson, markdown, html, sarif, junit, github');
});
