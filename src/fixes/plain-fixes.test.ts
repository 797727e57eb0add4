import { describe, expect, it } from 'vitest';
import type { Fix, LayerChange } from '../finding/fix.ts';
import { mergeLayer, mergeRun } from './merge.ts';
import { plainFixes } from './plain-fixes.ts';

const fix = (id: string, layer: readonly LayerChange[]): Fix => ({
  id,
  subject: layer[0]?.path ?? '',
  title: '',
  disposition: 'safe',
  answers: [],
  layer,
  run: {},
});
const own = (path: string, mode: number): LayerChange => ({ kind: 'own', path, uid: 10001, gid: 10001, mode });

describe('fixes as they are told', () => {
  it('say of a file with new content whose it really is', () => {
    const fixes = [
      fix('own-path', [own('/etc/x.ini', 0o640)]),
      fix('config-line', [{ kind: 'file', path: '/etc/x.ini', uid: 100, gid: 102, mode: 0o640, content: '#user=x' }]),
    ];
    const plain = plainFixes(fixes);
    expect(plain[1]?.layer).toEqual([
      { kind: 'file', path: '/etc/x.ini', uid: 10001, gid: 10001, mode: 0o640, content: '#user=x' },
    ]);
    expect(mergeLayer(plain)).toEqual(mergeLayer(fixes));
  });

  it('name a folder once: with what needs it', () => {
    const fixes = [fix('own-path', [own('/srv/a', 0o755)]), fix('state-folder', [own('/srv/a', 0o755), own('/srv/a/b', 0o755)])];
    const plain = plainFixes(fixes);
    expect(plain.map(({ layer }) => layer.map(({ path }) => path))).toEqual([['/srv/a'], ['/srv/a/b']]);
    expect(mergeLayer(plain)).toEqual(mergeLayer(fixes));
    expect(plainFixes([fixes[0] as Fix, fix('state-folder', [own('/srv/a', 0o755)])])).toHaveLength(1);
  });

  it('mount one volume, not one in the other', () => {
    const volume = (id: string, path: string, layer: readonly LayerChange[]): Fix => ({
      ...fix(id, layer),
      subject: path,
      run: { volumes: [{ path, owner: '10001:10001', mode: '0755' }] },
    });
    const inner = volume('read-only-root', '/srv/a/data', [own('/srv/a/data', 0o755)]);
    const outer = volume('state-folder', '/srv/a', [own('/srv/a', 0o755), own('/srv/a/data', 0o755)]);
    const paths = (fixes: readonly Fix[]): readonly string[] =>
      mergeRun(fixes, { uid: 10001, gid: 10001, arbitrary: false }, []).volumes.map(({ path }) => path);
    expect(paths([inner, outer])).toEqual(['/srv/a']);
    expect(plainFixes([inner, outer])).toEqual([outer]);
    // What the outer one would not bring stays one of its own.
    expect(paths([inner, { ...outer, layer: [] }])).toEqual(['/srv/a/data', '/srv/a']);
  });
});
