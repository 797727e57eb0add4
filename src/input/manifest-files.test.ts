/** Real files, folders and links; what cannot be read does not stop the rest. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readManifestFiles } from './manifest-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-manifests-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const messages = (target: string): readonly string[] => readManifestFiles([target]).problems.map(({ message }) => message);

describe('manifest files', () => {
  it('come in the order of their names, each once, with links to files and without links to folders', () => {
    const tree = join(folder, 'tree');
    mkdirSync(join(tree, 'b'), { recursive: true });
    mkdirSync(join(tree, '.git'));
    for (const name of ['c.yaml', 'b/x.YML', 'a.json', 'readme.md', '.git/config.yaml']) writeFileSync(join(tree, name), name);
    symlinkSync('c.yaml', join(tree, 'd.yaml'));
    symlinkSync(tree, join(tree, 'e.yaml'));
    symlinkSync('nowhere', join(tree, 'f.yaml'));
    const { files, problems } = readManifestFiles([tree, tree]);
    expect(files.map(({ path, text }) => [path.slice(tree.length + 1), text])).toEqual([
      ['a.json', 'a.json'],
      ['b/x.YML', 'b/x.YML'],
      ['c.yaml', 'c.yaml'],
      ['d.yaml', 'c.yaml'],
    ]);
    expect(problems).toEqual([]);
  });

  it('are read as they say they are written', () => {
    const path = join(folder, 'utf16.yaml');
    writeFileSync(path, Buffer.from('\ufeffkind: Pod', 'utf16le'));
    expect(readManifestFiles([path]).files[0]?.text).toBe('\ufeffkind: Pod');
    writeFileSync(path, Buffer.from([0xff, 0x00, 0xd8]));
    expect(messages(path)[0]).toMatch(/^Cannot read .*: it is not text/);
  });

  it('that are none, too large, or not there are told', () => {
    expect(messages('/dev/zero')).toEqual(['Cannot read /dev/zero: it is neither a file nor a folder']);
    expect(messages(join(folder, 'missing'))[0]).toContain('there is no such file or folder');
    const large = join(folder, 'large.yaml');
    expect(spawnSync('truncate', ['-s', '100M', large]).status).toBe(0);
    expect(messages(large)[0]).toContain('larger than 64 MiB');
    rmSync(large);
  });

  it('beside a link that leads to itself are read all the same', () => {
    const tree = join(folder, 'loop');
    mkdirSync(tree);
    symlinkSync('self.yaml', join(tree, 'self.yaml'));
    writeFileSync(join(tree, 'pod.yaml'), 'x');
    const { files, problems } = readManifestFiles([tree]);
    expect(files).toHaveLength(1);
    expect(problems[0]?.message).toContain('go round in circles');
  });

  it('beside a folder that may not be read are read all the same', (context) => {
    if (process.getuid?.() === 0) {
      console.warn('SKIPPED: a folder that may not be read: root may read all of them');
      context.skip();
    }
    const tree = join(folder, 'closed');
    mkdirSync(join(tree, 'inside'), { recursive: true });
    writeFileSync(join(tree, 'pod.yaml'), 'x');
    chmodSync(join(tree, 'inside'), 0);
    const { files, problems } = readManifestFiles([tree]);
    chmodSync(join(tree, 'inside'), 0o700);
    expect(files).toHaveLength(1);
    expect(problems[0]?.message).toContain('permission denied');
  });
});
