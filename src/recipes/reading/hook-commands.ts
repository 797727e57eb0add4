/** Commands that a kubelet runs in a container beside its program: as the container's user (kubernetes pkg/kubelet/lifecycle, pkg/kubelet/prober). */
import type { Launch } from '../../launch/launch.ts';
import type { PodContainer } from '../../workload/formats/kubernetes/pod-spec.ts';

export interface HookCommand {
  readonly argv: readonly string[];
  /** Which hook or probe it is, as the API spells it. */
  readonly because: string;
}

type Handler = { readonly exec?: { readonly command?: readonly string[] } } | undefined;

/** In the order in which they would run first. */
export function hookCommands({ name, settings }: Pick<Launch, 'name' | 'settings'>): readonly HookCommand[] {
  const spec = settings.pod?.object?.spec;
  const own: PodContainer | undefined = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find(
    (one) => one.name === (settings.name ?? name),
  );
  if (own === undefined) return [];
  const hooks: readonly (readonly [string, Handler])[] = [
    ['postStart', own.lifecycle?.postStart],
    ['startupProbe', own.startupProbe],
    ['readinessProbe', own.readinessProbe],
    ['livenessProbe', own.livenessProbe],
    ['preStop', own.lifecycle?.preStop],
  ];
  return hooks.flatMap(([because, handler]) => {
    const argv = handler?.exec?.command ?? [];
    return argv.length > 0 ? [{ argv, because }] : [];
  });
}
