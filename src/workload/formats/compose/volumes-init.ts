/** Volumes that hold data of another owner: a service that gives them to the new user once, before the one that needs them. */
import type { TextProblem } from '../../../text/span.ts';
import type { ContainerChange } from '../../change.ts';
import { type FileChange, fileOf, isRaw, rawOf, type ServiceFiles, setField } from './raw-service.ts';
import { problemOf } from './value.ts';

export function volumesInit(one: ServiceFiles, change: ContainerChange, problems: TextProblem[]): readonly FileChange[] {
  const { workload, files } = one;
  const { name, service, containers } = workload;
  const mounts = containers[0]?.settings.volumes ?? [];
  const asked = (change.volumes ?? []).flatMap((volume) => {
    const mount = mounts.find(({ target }) => volume.path === target || volume.path.startsWith(`${target}/`));
    if (
      mount !== undefined &&
      (mount.kind === 'named' || mount.kind === 'external' || mount.kind === 'bind') &&
      mount.readOnly !== true
    )
      return [{ ...volume, target: mount.target }];
    // A volume that is made anew each time begins as the image has it, and the new image has it right.
    if ((mount === undefined || mount.kind === 'anonymous') && change.image !== undefined) return [];
    problems.push(
      problemOf(
        workload.value,
        `${volume.path} of ${name} has to belong to ${volume.owner}, and is no volume that something could be run on before`,
      ),
    );
    return [];
  });
  const items = files.flatMap((file) => {
    const list = rawOf(file, name, 'volumes');
    return (Array.isArray(list) ? list : []) as readonly unknown[];
  });
  // Of several files the last one that mounts something there counts.
  const byTarget = new Map(
    items.map((item) => [(isRaw(item) ? String(item.target) : (String(item).split(':')[1] ?? '')).replace(/(.)\/$/, '$1'), item]),
  );
  const needed = [...new Set(asked.flatMap(({ target }) => byTarget.get(target) ?? []))];
  if (needed.length === 0) return [];
  const init = `${name}-volumes-init`;
  const [file] = files;
  const image = change.image ?? containers[0]?.image;
  const build = rawOf(fileOf(one, 'build'), name, 'build');
  const lines = asked.map(({ path, owner }) => `chown -R ${owner} ${path}`);
  const value = {
    ...(image === undefined ? { build } : { image }),
    user: '0:0',
    entrypoint: ['/bin/sh', '-c', lines.join(' && ')],
    network_mode: 'none',
    cap_drop: ['ALL'],
    cap_add: ['CHOWN', 'DAC_OVERRIDE'],
    restart: 'no',
    volumes: needed,
  };
  const waits = fileOf(one, 'depends_on');
  const now = rawOf(waits, name, 'depends_on');
  const before = isRaw(now)
    ? now
    : Object.fromEntries(
        (Array.isArray(now) ? now : []).map((item: unknown) => [String(item), { condition: 'service_started' }]),
      );
  const profiles = service.profiles.length === 0 ? {} : { profiles: service.profiles };
  return [
    { file, change: { op: 'set', path: ['services', init], value: { ...value, ...profiles } } },
    setField(waits, name, 'depends_on', { ...before, [init]: { condition: 'service_completed_successfully' } }),
  ];
}
