/** The kinds of errors the API server finds in a field, in its words (apimachinery pkg/util/validation/field). */

const MAX_ID = 2147483647;

export function idError(value: unknown, path: string): readonly string[] {
  if (typeof value !== 'number' || (value >= 0 && value <= MAX_ID)) return [];
  return [`${path}: Invalid value: ${value}: must be between 0 and ${MAX_ID}, inclusive`];
}

export function unsupported(value: unknown, path: string, supported: readonly string[]): readonly string[] {
  if (typeof value !== 'string' || supported.includes(value)) return [];
  const list = supported.map((one) => JSON.stringify(one)).join(', ');
  return [`${path}: Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`];
}

export function invalid(value: unknown, path: string, why: string): string {
  return `${path}: Invalid value: ${JSON.stringify(value)}: ${why}`;
}

export function required(path: string, why: string): string {
  return `${path}: Required value: ${why}`;
}
