import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { UnrootError } from '../error.ts';
import { findLab, findLabs, readLabs } from './find-labs.ts';
import type { Lab } from './lab.ts';
import { lintFolder, lintLab } from './lint-lab.ts';
import { readLab } from './read-lab.ts';

const FRONT = `---
id: "07"
title: A lab
goal: To be read.
minutes: 5
covers: [S0.1]
needs: [root]
images: []
explains: []
next: []
---
`;
const CHECK = '```check\n- file: { path: /etc/hosts, unchanged: true }\n  says: it is as it was\n```\n';

/** The error's line and message; undefined when it was read. */
function wrong(text: string): { readonly line: number | undefined; readonly message: string } | undefined {
  try {
    readLab(text, '07-a-lab');
    return undefined;
  } catch (error) {
    if (!(error instanceof UnrootError)) throw error;
    expect(error.code).toBe('lab.invalid');
    return { line: error.where?.line, message: error.message };
  }
}

describe('reading a lab', () => {
  it('takes the parts of a step out of its text', () => {
    const lab = readLab(
      `${FRONT}The story.\n\n\`\`\`setup\ntouch /x\n\`\`\`\n\n## Step: Do it {#do-it}\nText.\n\n\`\`\`sh\nls\n\`\`\`\n\`\`\`hint\nfirst\n\`\`\`\n\`\`\`\`hint\nsecond\n\`\`\`sh\ninside\n\`\`\`\n\`\`\`\`\n${CHECK}\`\`\`solution\ntrue\n\`\`\`\n\`\`\`wrong\nfalse\n\`\`\`\n\`\`\`quiz\nquestion: Why?\nchoices:\n  - { text: So, right: true, because: yes it is }\n  - { text: Not, because: no }\n\`\`\`\n\n## Step: And then\nMore.\n\n## Explanation\nBecause.\n`,
      '07-a-lab',
    );
    expect(lab).toMatchObject({ id: '07', minutes: 5, story: 'The story.', setup: 'touch /x', explanation: 'Because.' });
    expect(lab.steps.map(({ id }) => id)).toEqual(['do-it', 'and-then']);
    expect(lab.steps[0]).toEqual({
      id: 'do-it',
      title: 'Do it',
      text: 'Text.\n\n```sh\nls\n```',
      hints: ['first', 'second\n```sh\ninside\n```'],
      checks: [{ kind: 'file', path: '/etc/hosts', unchanged: true, says: 'it is as it was' }],
      solution: 'true',
      wrong: ['false'],
      quiz: {
        question: 'Why?',
        choices: [
          { text: 'So', right: true, because: 'yes it is' },
          { text: 'Not', right: false, because: 'no' },
        ],
      },
    });
  });

  it.each<[string, string, number, RegExp]>([
    ['no front matter', '# A lab\n', 1, /front matter/],
    ['a field nobody knows', FRONT.replace('minutes: 5', 'minutes: 5\ntime: 3'), 6, /"time"/],
    ['a number as id', FRONT.replace('"07"', '7'), 2, /^.*id is missing/],
    ['a need nobody knows', FRONT.replace('[root]', '[moon]'), 7, /moon/],
    ['no step', `${FRONT}Story.\n`, 11, /no step/],
    ['a fence left open', `${FRONT}\n## Step: x\n\`\`\`sh\nls\n`, 14, /not closed/],
    ['a section nobody knows', `${FRONT}\n## Steps: x\n`, 13, /"Steps: x"/],
    ['a kind nobody knows', `${FRONT}\n## Step: x\n\`\`\`check\n- files: {}\n  says: x\n\`\`\`\n`, 15, /one kind, not files/],
    ['a check that says nothing', `${FRONT}\n## Step: x\n\`\`\`check\n- run: { command: ls }\n\`\`\`\n`, 15, /says/],
    [
      'a wrong field',
      `${FRONT}\n## Step: x\n\`\`\`check\n- file:\n    path: /x\n    mod: "1"\n  says: x\n\`\`\`\n`,
      17,
      /no "mod"/,
    ],
    ['a wrong value', `${FRONT}\n## Step: x\n\`\`\`check\n- file:\n    path: x\n  says: x\n\`\`\`\n`, 16, /path is "x"/],
    [
      'a bad expression',
      `${FRONT}\n## Step: x\n\`\`\`check\n- file: { path: /x, matches: "(" }\n  says: x\n\`\`\`\n`,
      15,
      /matches/,
    ],
    ['two steps of one name', `${FRONT}\n## Step: x\n${CHECK}\n## Step: X\n`, 1, /two steps are called x/],
    ['broken YAML', `${FRONT}\n## Step: x\n\`\`\`check\n- {\n\`\`\`\n`, 15, /./],
  ])('says where there is %s', (_, text, line, message) => {
    const error = wrong(text);
    expect(error?.message).toMatch(message);
    expect(error?.line).toBe(line);
  });
});

describe('the lint', () => {
  const lab: Lab = readLab(
    `${FRONT}Story.\n\n## Step: x\nText.\n\`\`\`hint\nh\n\`\`\`\n\`\`\`check\n- run: { command: ls }\n  says: it lists\n\`\`\`\n\`\`\`solution\ntrue\n\`\`\`\n\`\`\`wrong\nfalse\n\`\`\`\n\n## Explanation\nE.\n`,
    '07-a-lab',
  );
  const ids = new Set(['07']);
  it('has nothing against a whole lab', () => expect(lintLab(lab, ids)).toEqual([]));
  it.each<[string, Partial<Lab>, RegExp]>([
    ['a folder of another name', { name: '08-a-lab' }, /the id is 07/],
    ['no story', { story: '' }, /no story/],
    ['a path nobody can be asked about', { paths: ['devour /etc'] }, /nobody can devour a path/],
    ['a next lab that is not there', { next: ['09'] }, /no lab 09/],
    ['an item of no tutorial', { covers: ['S9.1'] }, /S9.1/],
    ['a step without wrong attempts', { steps: [{ ...lab.steps[0]!, wrong: [] }] }, /must leave them red/],
    [
      'a fence whose name is misspelt',
      { steps: [{ ...lab.steps[0]!, text: 'Text.\n```sh\nls\n```\n```worng\nls\n```' }] },
      /“worng” is text for the learner: is “wrong” meant/,
    ],
    ['a step without a solution', { steps: [{ ...lab.steps[0]!, solution: '' }] }, /no solution/],
    [
      'checks that are green from the start',
      { steps: [{ ...lab.steps[0]!, checks: [{ kind: 'file', path: '/x', unchanged: true, says: 'x' }] }] },
      /green before/,
    ],
    [
      "a file of the kernel's that anybody may hide",
      { steps: [{ ...lab.steps[0]!, checks: [{ kind: 'file', path: '/sys/fs/selinux/enforce', matches: '1', says: 'x' }] }] },
      /believes whatever is mounted over it/,
    ],
    [
      'an answer that anybody may give',
      { steps: [{ ...lab.steps[0]!, checks: [{ kind: 'http', port: 80, status: 200, says: 'x' }] }] },
      /takes an answer from anybody/,
    ],
  ])('finds %s', (_, change, message) => expect(lintLab({ ...lab, ...change }, ids).join('\n')).toMatch(message));
});

it('lints a folder: scripts that are no Bash, images that are nowhere', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-lint-'));
  try {
    mkdirSync(join(folder, '30-mine'));
    const body = '\n## Step: x\nText.\n```hint\nh\n```\n```check\n- run: { command: ls }\n  says: it lists\n```\n';
    const scripts = '```solution\nif true\n```\n```wrong\nfalse\n```\n\n## Explanation\nE.\n';
    writeFileSync(
      join(folder, '30-mine/lab.md'),
      `---\nid: "30"\ntitle: T\ngoal: G\nminutes: 1\nimages: [debain]\n---\nStory.\n${body}${scripts}`,
    );
    const { labs, problems } = lintFolder(folder);
    expect(labs).toBe(1);
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^step x: its solution: bash: line \d+: syntax error/),
      `there is no image debain: neither ${folder}/images/debain nor one that comes with unroot`,
    ]);
    // Another one that is only half written is not in the way of this one.
    mkdirSync(join(folder, '31-half'));
    writeFileSync(join(folder, '31-half/lab.md'), '---\nid: "31"\n');
    for (const name of ['30', '30-mine']) expect(findLab(folder, name).lab.title).toBe('T');
    expect(() => findLab(folder, '31')).toThrow(/31-half/);
    expect(() => findLabs(folder)).toThrow(/31-half/);
    const { labs: whole, broken } = readLabs(folder);
    expect([whole.map(({ lab }) => lab.name), broken.map(({ name }) => name)]).toEqual([['30-mine'], ['31-half']]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('the labs that come with unroot', () => {
  const folder = fileURLToPath(new URL('../../labs', import.meta.url));
  const names = readdirSync(folder).filter((name) => /^\d\d-/.test(name));
  it.each(names)('%s is whole', (name) => {
    const lab = readLab(readFileSync(`${folder}/${name}/lab.md`, 'utf8'), name);
    const problems = lintLab(lab, new Set(names.map((one) => one.slice(0, 2)))).filter(
      (one) => !one.startsWith('next: there is no lab'),
    );
    expect(problems).toEqual([]);
  });
});
