/** Who comes after whom. */
import { describe, expect, it } from 'vitest';
import type { ComposeDependency } from '../workload/formats/compose/dependencies.ts';
import { type ProjectService, startOrder } from './project.ts';
import { withoutSecondFill } from './run-project.ts';

const service = (name: string, ...after: readonly string[]): ProjectService =>
  ({
    name,
    dependsOn: after.map((one): ComposeDependency => ({ service: one, condition: 'service_started', required: true })),
  }) as unknown as ProjectService;

describe('the order of services', () => {
  it('is that of what they wait for', () => {
    const order = startOrder([service('web', 'app'), service('app', 'db', 'cache'), service('cache'), service('db')]);
    expect(order.map(({ name }) => name)).toEqual(['db', 'cache', 'app', 'web']);
  });

  it('ends where they wait for each other, or for nobody', () => {
    const order = startOrder([service('a', 'b'), service('b', 'a', 'none')]);
    expect(order.map(({ name }) => name)).toEqual(['b', 'a']);
  });
});

describe('a volume that an image fills', () => {
  const images = { one: {}, other: {} };
  const mounting = (
    name: string,
    image: keyof typeof images,
    dependsOn: readonly Partial<ComposeDependency>[] = [],
  ): ProjectService =>
    ({
      name,
      dependsOn,
      image: images[image],
      launch: {
        kind: 'launch',
        mounts: [
          { type: 'bind', source: '/etc/conf', target: '/conf' },
          { type: 'volume', source: 'data', target: '/data', copiesImageContent: true },
          { type: 'volume', target: '/own', copiesImageContent: true },
        ],
      },
    }) as unknown as ProjectService;
  const ended = (service: string): Partial<ComposeDependency> => ({ service, condition: 'service_completed_successfully' });
  const filled = (service: ProjectService, ...all: readonly ProjectService[]): readonly string[] =>
    withoutSecondFill(service, [service, ...all]).mounts.flatMap(({ target, copiesImageContent }) =>
      copiesImageContent === true ? [target] : [],
    );

  it('is not filled again when somebody of the same image has come to his end, who may have given it away', () => {
    const init = mounting('init', 'one');
    expect(filled(mounting('db', 'one', [ended('init')]), init)).toEqual(['/own']);
    expect(filled(mounting('db', 'one', [ended('between')]), mounting('between', 'other', [ended('init')]), init)).toEqual([
      '/own',
    ]);
  });

  it('is filled by an image of its own, and by who starts first', () => {
    expect(filled(mounting('db', 'other', [ended('init')]), mounting('init', 'one'))).toEqual(['/data', '/own']);
    expect(filled(mounting('db', 'one', [{ service: 'init', condition: 'service_started' }]), mounting('init', 'one'))).toEqual([
      '/data',
      '/own',
    ]);
  });
});
