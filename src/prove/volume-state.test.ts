import { describe, expect, it } from 'vitest';
import { notStarted, type Observation } from './observation.ts';
import { compareVolumeState } from './volume-state.ts';

const left = (...paths: readonly string[]): Observation => ({
  ...notStarted(''),
  outcome: 'running',
  changes: paths.map((path) => ({ path, change: 'added', type: 'file', uid: 0, gid: 0, mode: 0o644, size: 1 })),
});
const said = (before: Observation, after: Observation): readonly string[] =>
  compareVolumeState(before, after, ['/data']).map(({ text }) => text);

describe('state in volumes', () => {
  it('is where it was', () => {
    expect(said(left('/data/db', '/data/sess_0123456789abcdef'), left('/data/db', '/data/sess_fedcba9876543210'))).toEqual([]);
    expect(said(left('/run/pid'), left('/tmp/pid'))).toEqual([]);
  });

  it('goes elsewhere, in part or as a whole', () => {
    expect(said(left('/data/a', '/data/b'), left('/data/a', '/home/nonroot/b'))).toEqual([
      'its state leaves the volume /data: it writes /home/nonroot/b, which is lost with the container; before, /data/b',
    ]);
    expect(said(left('/data/a'), left())).toEqual(['it leaves nothing in the volume /data; before, it left /data/a']);
  });

  it('is not asked about when the second run did not come as far', () => {
    expect(said(left('/data/a'), notStarted('no'))).toEqual([]);
  });
});
