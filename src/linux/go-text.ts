/** The few rules of Go's strconv, bytes and bufio that decide how the runtimes read numbers and lines in /etc/passwd and /etc/group. */

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** What unicode.IsSpace calls space; JavaScript's trim() differs in U+0085 and U+FEFF. */
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const EDGES = new RegExp(`^${SPACE}|${SPACE}$`, 'g');

/** The message of bufio.ErrTooLong. */
export const LINE_TOO_LONG = 'bufio.Scanner: token too long';

/** strconv.Atoi on a 64-bit machine: an optional sign and decimal digits, nothing else (`+0`, `-0`, `00` are 0; `0x0`, `1e0`, ` 1` are no numbers). */
export function atoi(text: string): number | 'not-a-number' | 'out-of-range' {
  if (!/^[+-]?[0-9]+$/.test(text)) return 'not-a-number';
  const value = BigInt(text.replace(/^\+/, ''));
  return value > INT64_MAX || value < INT64_MIN ? 'out-of-range' : Number(value) + 0;
}

/** A number field of passwd or group: conversion errors are ignored there, so text reads as 0 and too much as the largest number. */
export function numberField(text: string): number {
  const value = atoi(text);
  if (value === 'not-a-number') return 0;
  if (value === 'out-of-range') return text.startsWith('-') ? Number(INT64_MIN) : Number(INT64_MAX);
  return value;
}

/** The uint32 a Go int becomes on its way into the OCI runtime spec: 4294967296 is 0, which is root. */
export function toUint32(value: number): number {
  return Number.isSafeInteger(value) ? Number(BigInt.asUintN(32, BigInt(value))) : value > 0 ? 0xffffffff : 0;
}

export interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

/** Non-empty lines, trimmed, with their numbers from 1; a line of `limit` bytes or more makes the runtime refuse the whole file. */
export function scanLines(text: string, limit: number): readonly NumberedLine[] | typeof LINE_TOO_LONG {
  const lines: NumberedLine[] = [];
  let number = 0;
  for (const raw of text.split('\n')) {
    number += 1;
    if (raw.length >= limit || (raw.length * 3 >= limit && new TextEncoder().encode(raw).length >= limit)) return LINE_TOO_LONG;
    const line = raw.replace(EDGES, '');
    if (line !== '') lines.push({ number, text: line });
  }
  return lines;
}
