/** Patterns against what they mean, and against a pattern made to take long. */
import { expect, it } from 'vitest';
import { globMatches } from './glob.ts';

it.each([
  ['*.yaml', 'web.yaml', true],
  ['*.yaml', 'deploy/web.yaml', false],
  ['**/*.yaml', 'web.yaml', true],
  ['**/*.yaml', 'a/b/web.yaml', true],
  ['**/b.yaml', 'ab.yaml', false],
  ['deploy/**', 'deploy', true],
  ['deploy/**', 'deploy/a/b', true],
  ['deploy/**', 'deployed/a', false],
  ['a/**/b', 'a/b', true],
  ['a/**/b', 'a/x/y/b', true],
  ['a/**/b', 'a/xb', false],
  ['runs-*', 'runs-as-root', true],
  ['v?', 'v1', true],
  ['v?', 'v/', false],
  ['a.b', 'axb', false],
  ['[a]', 'a', false],
  ['**', '', true],
])('%s and %s: %s', (pattern, text, expected) => {
  expect(globMatches(pattern, text)).toBe(expected);
});

it('takes its time from the lengths alone', () => {
  const started = performance.now();
  expect(globMatches('*a'.repeat(500), 'a'.repeat(1000))).toBe(true);
  expect(globMatches(`${'*a'.repeat(500)}b`, 'a'.repeat(1000))).toBe(false);
  expect(performance.now() - started).toBeLessThan(20_000);
});
