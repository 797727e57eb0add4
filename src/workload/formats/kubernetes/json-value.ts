/** Looks into values that a file's author wrote: what has the wrong shape counts as not written. */

export function listOf<T>(value: readonly T[] | null | undefined): readonly T[] {
  return Array.isArray(value) ? value.filter((item) => item !== null && item !== undefined) : [];
}

/** Objects of a list; anything else in it drops out. */
export function objectsOf<T extends object>(value: readonly T[] | null | undefined): readonly T[] {
  return listOf(value).filter((item) => typeof item === 'object' && !Array.isArray(item));
}

export function objectOf<T extends object>(value: T | null | undefined): T | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
}

export function truthOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

export function textsOf(value: readonly string[] | null | undefined): readonly string[] {
  return listOf(value).filter((item) => typeof item === 'string');
}

/** Without what is undefined, as exactOptionalPropertyTypes wants it. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
