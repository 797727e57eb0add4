/** In which order services start, and how it is known that one is well: `depends_on`, `links`, `network_mode: service:`, `healthcheck`. */

import { asMapping } from './merge.ts';
import { textsOf } from './model.ts';
import { booleanOf, childOf, textOf, type Value, writtenChild } from './value.ts';

export interface ComposeDependency {
  readonly service: string;
  readonly condition: 'service_started' | 'service_healthy' | 'service_completed_successfully';
  readonly required: boolean;
}

export interface ComposeHealthcheck {
  /** The image's is switched off. */
  readonly disabled: boolean;
  /** What is executed; absent: the image's. */
  readonly test?: readonly string[];
  /** ms; absent: the image's, or what the engine takes. */
  readonly interval?: number;
  readonly timeout?: number;
  readonly startPeriod?: number;
  readonly retries?: number;
}

const CONDITIONS = ['service_started', 'service_healthy', 'service_completed_successfully'] as const;

export function dependenciesOf(service: Value): readonly ComposeDependency[] {
  const out = new Map<string, ComposeDependency>();
  const said = writtenChild(service, 'depends_on');
  if (said !== undefined)
    for (const [name, one] of asMapping(said, true).entries) {
      const condition = CONDITIONS.find((known) => known === textOf(childOf(one, 'condition'))) ?? 'service_started';
      out.set(name, { service: name, condition, required: booleanOf(childOf(one, 'required')) !== false });
    }
  const others = [
    ...textsOf(writtenChild(service, 'links')).map((link) => link.split(':')[0] as string),
    ...['network_mode', 'ipc', 'pid'].flatMap((field) => {
      const text = textOf(writtenChild(service, field));
      return text?.startsWith('service:') === true ? [text.slice('service:'.length)] : [];
    }),
    ...textsOf(writtenChild(service, 'volumes_from')).flatMap((text) =>
      text.startsWith('container:') ? [] : [text.split(':')[0] as string],
    ),
  ];
  for (const name of others) if (!out.has(name)) out.set(name, { service: name, condition: 'service_started', required: true });
  return [...out.values()];
}

/** Services that wait for each other, as `a → b → a`; undefined when none do. */
export function dependencyCycle(services: ReadonlyMap<string, readonly ComposeDependency[]>): readonly string[] | undefined {
  const done = new Set<string>();
  for (const start of services.keys()) {
    // Without recursion: a file may chain thousands of services.
    const way: { readonly name: string; next: number }[] = [{ name: start, next: 0 }];
    const on = new Set([start]);
    while (way.length > 0) {
      const top = way.at(-1) as { readonly name: string; next: number };
      const dependency = done.has(top.name) ? undefined : services.get(top.name)?.[top.next]?.service;
      top.next += 1;
      if (dependency === undefined) {
        done.add(top.name);
        on.delete(top.name);
        way.pop();
      } else if (on.has(dependency)) {
        const names = way.map(({ name }) => name);
        return [...names.slice(names.indexOf(dependency)), dependency];
      } else if (!done.has(dependency)) {
        on.add(dependency);
        way.push({ name: dependency, next: 0 });
      }
    }
  }
  return undefined;
}

/** `["NONE"]` and `disable` switch the image's off; a text is a shell line. */
export function healthcheckOf(value: Value | undefined): ComposeHealthcheck | undefined {
  if (value === undefined) return undefined;
  const test = writtenChild(value, 'test');
  const parts = textsOf(test);
  if (booleanOf(childOf(value, 'disable')) === true || (test?.kind === 'list' && parts[0] === 'NONE')) return { disabled: true };
  const time = (field: string, key: 'interval' | 'timeout' | 'startPeriod'): Partial<ComposeHealthcheck> => {
    const ms = durationOf(textOf(childOf(value, field)));
    return ms === undefined ? {} : { [key]: ms };
  };
  const tries = Number(textOf(childOf(value, 'retries')) ?? Number.NaN);
  const times = {
    ...time('interval', 'interval'),
    ...time('timeout', 'timeout'),
    ...time('start_period', 'startPeriod'),
    ...(Number.isInteger(tries) && tries > 0 ? { retries: tries } : {}),
  };
  if (test === undefined) return { disabled: false, ...times };
  const argv =
    test.kind !== 'list' || parts[0] === 'CMD-SHELL'
      ? ['/bin/sh', '-c', (test.kind === 'list' ? parts[1] : parts[0]) ?? '']
      : parts.slice(parts[0] === 'CMD' ? 1 : 0);
  return { disabled: false, test: argv, ...times };
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1m30s` in ms; undefined = no such text. */
export function durationOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:\d{1,9}(?:\.\d{1,9})?(?:us|ms|s|m|h|d))+$/.test(text)) return undefined;
  return [...text.matchAll(/([\d.]+)(us|ms|s|m|h|d)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit as string] ?? 0),
    0,
  );
}
