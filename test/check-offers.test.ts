/** What `check -o sarif` offers for files: an editor that takes every offer ends with the file that `fix --write` makes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshDist } from './support/build.ts';
import { unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';
import { sarifErrors } from './support/sarif.ts';

let folder = '';
let image: readonly string[] = [];
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-offers-'));
  const layer = [{ path: '/bin' }, { path: '/bin/app', content: smallestProgram(), mode: 0o755 }];
  writeFileSync(join(folder, 'program'), smallestProgram(), { mode: 0o755 });
  image = ['--image', `app:1=oci:${writeLayout(join(folder, 'app'), { layers: [layer], config: { Cmd: ['/bin/app'] } })}`];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILES: Readonly<Record<string, { readonly text: string; readonly args: () => readonly string[] }>> = {
  'pods.yaml': {
    args: () => image,
    // Characters of more than one byte before the places that change: offsets are those of the text.
    text: `# größer 🚀
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  containers:
    - name: a   # the first
      image: app:1
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: two}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
        - {name: b, image: "app:1"}
`,
  },
  'compose.yaml': {
    args: () => image,
    text: 'services:\n  web:\n    image: app:1   # größer\n    read_only: true\n  other:\n    image: app:1\n',
  },
  Dockerfile: {
    args: () => ['--static'],
    text: '# größer 🚀\nFROM scratch\nCOPY program /srv/program\nCMD ["/srv/program"]\n',
  },
};

interface Replacement {
  readonly deletedRegion: { readonly charOffset: number; readonly charLength: number };
  readonly insertedContent?: { readonly text: string };
}
interface Offer {
  readonly artifactChanges: readonly {
    readonly artifactLocation: { readonly uri: string };
    readonly replacements: readonly Replacement[];
  }[];
}

it.each(Object.entries(FILES))('%s', async (name, { text, args }) => {
  writeBelow(folder, name, text);
  const images = args().filter((arg) => arg !== '--static');
  const { stdout, stderr } = await unroot(['check', name, '-o', 'sarif', ...images], { cwd: folder });
  expect(sarifErrors(stdout), stderr).toEqual([]);
  const [{ results }] = (JSON.parse(stdout) as { runs: [{ results: { ruleId: string; fixes?: Offer[] }[] }] }).runs;
  const offered = results.flatMap(({ fixes = [] }) => fixes);
  expect(results.filter(({ fixes }) => fixes !== undefined).map(({ ruleId }) => ruleId)).toContain('runs-as-root');
  // Several findings are answered by the same change.
  const changes = new Map<string, Replacement>();
  for (const { artifactChanges } of offered)
    for (const { artifactLocation, replacements } of artifactChanges) {
      expect(artifactLocation.uri).toBe(name);
      for (const one of replacements) changes.set(JSON.stringify(one), one);
    }
  let made = text;
  for (const { deletedRegion, insertedContent } of [...changes.values()].sort(
    (a, b) => b.deletedRegion.charOffset - a.deletedRegion.charOffset,
  )) {
    const { charOffset, charLength } = deletedRegion;
    made = made.slice(0, charOffset) + (insertedContent?.text ?? '') + made.slice(charOffset + charLength);
  }
  const fixed = await unroot(['fix', name, '--write', '--force', ...args()], { cwd: folder });
  expect(readFileSync(join(folder, name), 'utf8'), fixed.stderr).toBe(made);
  expect(made).not.toBe(text);
  const again = JSON.parse((await unroot(['check', name, '-o', 'sarif', ...images], { cwd: folder })).stdout);
  expect(again.runs[0].results.map(({ ruleId }: { ruleId: string }) => ruleId)).not.toContain('runs-as-root');
});
