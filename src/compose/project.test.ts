/** Who comes after whom. */
import { describe, expect, it } from 'vitest';
import type { ComposeDependency } from '../workload/formats/compose/dependencies.ts';
import { type ProjectService, startOrder } from './project.ts';

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
