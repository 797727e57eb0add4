/** Changes as patch files, or as one text for standard output. */
import { yamlText } from '../../../text/yaml/write.ts';
import { kustomization, kustomizationText, type PatchFile, targetOf } from './kustomization.ts';
import type { ObjectChange } from './object-change.ts';
import { jsonPatch, patchName, strategicPatch } from './patches.ts';

export const PATCH_KINDS = ['kustomize', 'strategic', 'json'] as const;
export type PatchKind = (typeof PATCH_KINDS)[number];

/** `asFiles`: one file for each object; else everything in one text. `resources`: the manifests, for a kustomization. */
export function patchesOf(
  kind: PatchKind,
  objects: readonly ObjectChange[],
  resources: readonly string[],
  asFiles: boolean,
): readonly PatchFile[] {
  if (objects.length === 0) return [];
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  switch (kind) {
    case 'kustomize':
      if (asFiles) return kustomization(objects, resources);
      return [{ path: 'kustomization.yaml', text: kustomizationText(objects, resources) }];
    case 'strategic':
      return objects.map((one, index) => ({
        path: `${patchName(one.object)}.yaml`,
        text: (asFiles || index === 0 ? '' : '---\n') + yamlText(strategicPatch(one)),
      }));
    case 'json':
      if (asFiles) return objects.map((one) => ({ path: `${patchName(one.object)}.json`, text: json(jsonPatch(one)) }));
      return [
        { path: 'patches.json', text: json(objects.map((one) => ({ target: targetOf(one.object), patch: jsonPatch(one) }))) },
      ];
  }
}
