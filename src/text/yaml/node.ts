/** A YAML document as a tree of values that know where they stand. Offsets are those of the whole file. */

/** Where a scalar's value comes from: quoted and block scalars are always text. */
export type ScalarStyle = 'plain' | 'quoted' | 'block';

export interface YamlScalar {
  readonly kind: 'scalar';
  /** As Kubernetes reads it: see scalar.ts. */
  readonly value: string | number | boolean | null;
  readonly style: ScalarStyle;
  /** As it was written, `!reset`; absent without one. */
  readonly tag?: string;
  readonly start: number;
  readonly end: number;
}

export interface YamlPair {
  readonly key: YamlScalar;
  readonly value: YamlNode;
}

export interface YamlMap {
  readonly kind: 'map';
  readonly entries: readonly YamlPair[];
  readonly tag?: string;
  readonly start: number;
  readonly end: number;
}

export interface YamlList {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly tag?: string;
  readonly start: number;
  readonly end: number;
}

export interface YamlAlias {
  readonly kind: 'alias';
  readonly name: string;
  readonly target: YamlNode;
  readonly start: number;
  readonly end: number;
}

export type YamlNode = YamlScalar | YamlMap | YamlList | YamlAlias;

/** What an alias stands for; anything else is itself. */
export function resolved(node: YamlNode): YamlScalar | YamlMap | YamlList {
  let at = node;
  while (at.kind === 'alias') at = at.target;
  return at;
}

/** `<<` written plainly, which takes in the pairs of another mapping. */
export const isMerge = (key: YamlScalar): boolean => key.style === 'plain' && key.value === '<<';

/** The text of a key: JSON has only such. */
export const keyText = (key: YamlScalar): string => (typeof key.value === 'string' ? key.value : String(key.value));
