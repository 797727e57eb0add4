/** Patches as a kustomization: one patch for each object, beside the manifests that it changes. */
import { yamlText } from '../../../text/yaml/write.ts';
import type { ObjectChange } from './object-change.ts';
import type { KubernetesObject } from './objects.ts';
import { patchName, strategicPatch } from './patches.ts';

export interface PatchFile {
  readonly path: string;
  readonly text: string;
}

/** How kustomize names an object. */
export function targetOf({ apiVersion, kind, name, namespace }: KubernetesObject): Readonly<Record<string, string>> {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  return {
    ...(group === '' ? {} : { group: group! }),
    version: version!,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  };
}

const HEAD = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' };

/** `resources`: the manifests, as seen from the folder. The kustomization is the last file. */
export function kustomization(objects: readonly ObjectChange[], resources: readonly string[]): readonly PatchFile[] {
  const taken = new Set<string>();
  const patches = objects.map((change): { readonly file: PatchFile; readonly target: Readonly<Record<string, string>> } => {
    const base = patchName(change.object);
    let path = `${base}.yaml`;
    for (let count = 2; taken.has(path); count += 1) path = `${base}-${count}.yaml`;
    taken.add(path);
    return { file: { path, text: yamlText(strategicPatch(change)) }, target: targetOf(change.object) };
  });
  const list = patches.map((one) => ({ path: one.file.path, target: one.target }));
  return [
    ...patches.map(({ file }) => file),
    { path: 'kustomization.yaml', text: yamlText({ ...HEAD, resources, patches: list }) },
  ];
}

/** The same in one document, the patches in it. */
export const kustomizationText = (objects: readonly ObjectChange[], resources: readonly string[]): string =>
  yamlText({
    ...HEAD,
    resources,
    patches: objects.map((change) => ({ patch: yamlText(strategicPatch(change)), target: targetOf(change.object) })),
  });
