/** Puts the values of variables into every text of a compose file; keys stay as they are. */
import type { TextProblem } from '../../../text/span.ts';
import { type Lookup, substitute } from './substitute.ts';
import { problemOf, type ScalarValue, type Value, type ValuePath } from './value.ts';

export interface Interpolated {
  readonly value: Value;
  readonly problems: readonly TextProblem[];
}

/** Variables without a value are empty, as compose has it, and their place is remembered: elsewhere they may have one. */
export function interpolate(value: Value, lookup: Lookup): Interpolated {
  const problems: TextProblem[] = [];
  const told = new Set<string>();
  const once = (key: string, problem: TextProblem): void => {
    if (told.has(key)) return;
    told.add(key);
    problems.push(problem);
  };
  const scalar = (one: ScalarValue, path: ValuePath): ScalarValue => {
    if (typeof one.value !== 'string' || !one.value.includes('$')) return one;
    const { text, unset, missing, invalid } = substitute(one.value, lookup);
    if (invalid === true) {
      const words = `invalid interpolation format for ${path.join('.')}: ${JSON.stringify(one.value)}; a dollar sign is written $$`;
      once(`${one.at.start}`, problemOf(one, words, 'error'));
      return one;
    }
    // In extensions nothing hangs on it.
    if (!path.some((part) => part.startsWith('x-'))) {
      for (const name of unset)
        once(
          name,
          problemOf(
            one,
            `the variable ${name} is not set: compose takes an empty text for it, and what it is elsewhere is unknown`,
          ),
        );
      if (missing !== undefined) {
        const words = missing.words === '' ? '' : `: ${missing.words}`;
        once(
          missing.name,
          problemOf(
            one,
            `required variable ${missing.name} is missing a value${words}; compose starts nothing without it, and its value is unknown`,
          ),
        );
      }
    }
    const unknown = missing === undefined ? unset : [...unset, missing.name];
    return { ...one, value: text, ...(unknown.length === 0 ? {} : { unset: unknown }) };
  };
  const walk = (one: Value, path: ValuePath): Value => {
    switch (one.kind) {
      case 'scalar':
        return scalar(one, path);
      case 'list':
        return { ...one, items: one.items.map((item) => walk(item, [...path, '[]'])) };
      case 'map':
        return { ...one, entries: new Map([...one.entries].map(([key, item]) => [key, walk(item, [...path, key])])) };
    }
  };
  return { value: walk(value, []), problems };
}
