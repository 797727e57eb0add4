/** Exit codes of several proofs. */
import { expect, it } from 'vitest';
import { codeForVerdicts } from './exit-code.ts';

it('the worst verdict of several decides', () => {
  expect(codeForVerdicts([])).toBe(0);
  expect(codeForVerdicts([{}, { verdict: 'proved' }])).toBe(0);
  expect(codeForVerdicts([{ verdict: 'inconclusive' }, { verdict: 'proved' }])).toBe(1);
  expect(codeForVerdicts([{ verdict: 'failed' }, { verdict: 'inconclusive' }, {}])).toBe(4);
});
