/** A thousand manifests by chance, in the dress of many authors: what was asked for is there afterwards, for whom it was asked, and nothing else differs. */
import { expect, test } from 'vitest';
import { anyManifest } from '../../../../test/support/manifests-by-chance.ts';
import { seeded, writtenBySomebody } from '../../../../test/support/yaml-documents.ts';
import { applyEdits, undoEdits } from '../../../text/edits.ts';
import { sourceFile } from '../../../text/source-file.ts';
import { sameValue } from '../../../text/yaml/value-change.ts';
import type { ContainerChange } from '../../change.ts';
import { planChanges } from './changes.ts';
import { editsOfObjects } from './object-change.ts';
import { changedValue, jsonPatch, strategicPatch } from './patches.ts';
import type { PodContainer, PodSpec } from './pod-spec.ts';
import { readManifests } from './read.ts';
import { effectiveSecurityContext } from './security-context.ts';

const ALL: ContainerChange = {
  container: '',
  user: { uid: 10001, gid: 10002 },
  runAsNonRoot: true,
  noNewPrivileges: true,
  capDrop: ['ALL'],
  seccompProfile: 'RuntimeDefault',
  readOnly: true,
  tmpfs: ['/tmp'],
  env: { B: '1' },
  ports: [{ from: 80, to: 8080 }],
};

const containersOf = (spec: PodSpec): readonly PodContainer[] => [...(spec.initContainers ?? []), ...(spec.containers ?? [])];

test('a thousand manifests', () => {
  let edited = 0;
  for (let seed = 0; seed < 1_000; seed += 1) {
    const chance = seeded(seed);
    const { text } = writtenBySomebody(chance, anyManifest(chance));
    const file = sourceFile('f', text);
    const read = readManifests([file]);
    const [workload] = read.workloads;
    const before = workload!.pod.spec!;
    const chosen = new Set(
      containersOf(before)
        .map(({ name }) => name)
        .filter(() => chance(3) > 0),
    );
    const changes = [...chosen].map((name): ContainerChange => ({ ...ALL, container: name }));
    const planned = planChanges([{ workload: workload!, changes }], read);
    const { edits, problems } = editsOfObjects(planned.objects);
    expect(problems, `${seed}`).toEqual([]);
    const after = applyEdits(text, edits);
    expect(after.conflicts).toEqual([]);
    expect(applyEdits(after.text, undoEdits(text, edits)).text).toBe(text);
    const again = readManifests([sourceFile('f', after.text)]);
    const now = again.workloads[0]!;
    if (edits.length > 0) edited += 1;

    for (const [index, one] of containersOf(now.pod.spec!).entries()) {
      const was = containersOf(before)[index]!;
      const [old, context] = [effectiveSecurityContext(workload!.pod, was), effectiveSecurityContext(now.pod, one)];
      if (chosen.has(one.name)) {
        expect(context, `${seed} ${one.name}`).toMatchObject({
          runAsUser: 10001,
          runAsGroup: 10002,
          runAsNonRoot: true,
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          seccompProfile: old.seccompProfile ?? { type: 'RuntimeDefault' },
        });
        expect(context.capabilities?.drop).toContain('ALL');
        expect(one.env?.find(({ name }) => name === 'B')?.value).toBe('1');
        expect(one.volumeMounts?.some(({ mountPath }) => mountPath === '/tmp')).toBe(true);
        expect(one.ports?.[0]?.containerPort).toBe(was.ports === undefined ? undefined : 8080);
      } else {
        expect(sameValue(one, was), `${seed} ${one.name}`).toBe(true);
        expect(sameValue(context, old), `${seed} ${one.name}`).toBe(true);
      }
      expect([one.image, one.command]).toEqual([was.image, was.command]);
    }
    // The text says what the plan says, and so do the patches.
    for (const change of planned.objects) expect(sameValue(now.object.value, changedValue(change)), `${seed}`).toBe(true);
    for (const change of planned.objects) {
      expect(jsonPatch(change).every(({ path }) => path.startsWith('/'))).toBe(true);
      expect(strategicPatch(change)).toMatchObject({ kind: change.object.kind, metadata: { name: 'w' } });
    }
    const rest = changes.map(({ ports: _, ...change }) => change);
    expect(editsOfObjects(planChanges([{ workload: now, changes: rest }], again).objects).edits, `${seed}`).toEqual([]);
  }
  expect(edited).toBeGreaterThan(650);
});
