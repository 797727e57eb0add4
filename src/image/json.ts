/** JSON that comes with an image: bounded, and every field checked before use, because anybody can write one. */
import { UnrootError, type Where } from '../error.ts';
import { limitError } from './limits.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses a document that must be an object. */
export function parseJsonObject(bytes: Uint8Array, what: string, where: Where, limit: number): JsonObject {
  const value = parseJson(bytes, what, where, limit);
  if (!isObject(value)) throw wrong(what, '', 'an object', where);
  return value;
}

/** Parses any document. */
export function parseJson(bytes: Uint8Array, what: string, where: Where, limit: number): unknown {
  if (bytes.length > limit) throw limitError('maxJsonBytes', limit, `${what} has ${bytes.length} bytes`, where);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new UnrootError(`${what} is not JSON`, { code: 'image.bad-json', where, expected: 'a JSON document', cause });
  }
}

/** Whether a value is a JSON object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error for a field of the wrong shape. */
export function wrong(what: string, field: string, expected: string, where: Where): UnrootError {
  const message = field === '' ? `${what} is not ${expected}` : `${what}: ${field} is not ${expected}`;
  return new UnrootError(message, { code: 'image.bad-json', where, expected });
}

/** Typed access to the fields of one object; absent and null both mean "not set", as in Go. */
export interface Fields {
  string(name: string): string | undefined;
  integer(name: string): number | undefined;
  strings(name: string): readonly string[] | undefined;
  object(name: string): JsonObject | undefined;
  array(name: string): readonly unknown[] | undefined;
  stringMap(name: string): Readonly<Record<string, string>> | undefined;
}

/** Reads fields of `object`, naming `what` and the field when one has the wrong type. */
export function fieldsOf(object: JsonObject, what: string, where: Where, prefix = ''): Fields {
  const get = <T>(name: string, expected: string, test: (value: unknown) => value is T): T | undefined => {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (!test(value)) throw wrong(what, `${prefix}${name}`, expected, where);
    return value;
  };
  const isString = (value: unknown): value is string => typeof value === 'string';
  return {
    string: (name) => get(name, 'a string', isString),
    integer: (name) => get(name, 'an integer', (value): value is number => Number.isSafeInteger(value)),
    strings: (name) =>
      get(name, 'a list of strings', (value): value is string[] => Array.isArray(value) && value.every(isString)),
    object: (name) => get(name, 'an object', isObject),
    array: (name) => get(name, 'a list', (value): value is unknown[] => Array.isArray(value)),
    stringMap: (name) =>
      get(
        name,
        'an object of strings',
        (value): value is Record<string, string> => isObject(value) && Object.values(value).every(isString),
      ),
  };
}
