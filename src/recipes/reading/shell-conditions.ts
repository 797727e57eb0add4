/** Conditions of a shell script, decided where what they ask is in the image or on the command line. */
import type { RootFs } from '../../image/image.ts';
import { absolute, globPattern } from './image-files.ts';

/** The words behind `[` or `test` (without `]`), or of a `[[ … ]]` of one comparison. Undefined = nobody knows. */
export function decideTest(words: readonly (string | undefined)[], rootFs: RootFs, cwd: string): boolean | undefined {
  if (words[0] === '!') {
    const inner = decideTest(words.slice(1), rootFs, cwd);
    return inner === undefined ? undefined : !inner;
  }
  const [a, b, c] = words;
  if (words.length === 1) return a === undefined ? undefined : a !== '';
  if (words.length === 2) return b === undefined ? undefined : unary(a ?? '', b, rootFs, cwd);
  if (words.length === 3) return a === undefined || c === undefined ? undefined : binary(a, b ?? '', c);
  return undefined;
}

function unary(operator: string, operand: string, rootFs: RootFs, cwd: string): boolean | undefined {
  if (operator === '-n') return operand !== '';
  if (operator === '-z') return operand === '';
  const { entry } = rootFs.resolve(absolute(cwd, operand));
  // What is not in the image may still be mounted, or made before.
  if (entry === undefined)
    return /^-[efdx]$/.test(operator) && !/^\/(?:run|var\/run|tmp|dev|proc|sys)\//.test(operand) ? false : undefined;
  if (operator === '-e') return true;
  if (operator === '-f') return entry.type === 'file';
  if (operator === '-d') return entry.type === 'directory';
  if (operator === '-x') return (entry.mode & 0o111) !== 0;
  return undefined;
}

function binary(left: string, operator: string, right: string): boolean | undefined {
  if (operator === '=' || operator === '==') return left === right;
  if (operator === '!=') return left !== right;
  if (!/^-?\d{1,9}$/.test(left) || !/^-?\d{1,9}$/.test(right)) return undefined;
  const [a, b] = [Number(left), Number(right)];
  if (operator === '-eq') return a === b;
  if (operator === '-ne') return a !== b;
  if (operator === '-gt') return a > b;
  if (operator === '-lt') return a < b;
  return undefined;
}

/** A pattern of `case`; undefined where it has brackets. */
export const matchesPattern = (text: string, pattern: string): boolean | undefined =>
  /[[\]()|]/.test(pattern) ? undefined : globPattern(pattern).test(text);
