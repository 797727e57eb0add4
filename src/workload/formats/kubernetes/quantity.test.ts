import { expect, it } from 'vitest';
import { quantity } from './quantity.ts';

it.each([
  ['64Mi', 67_108_864],
  ['1.5k', 1500],
  ['2e3', 2000],
  ['1E', 1e18],
  ['1Ei', 1024 ** 6],
  ['100m', 1],
  ['0', 0],
  [10, 10],
  ['.5Gi', 536_870_912],
])('%s', (text, bytes) => {
  expect(quantity(text)).toBe(bytes);
});

it.each(['', '1 Mi', '5MB', 'Mi', '1ki', {}, null, undefined])('%s is no amount', (text) => {
  expect(quantity(text)).toBeUndefined();
});
