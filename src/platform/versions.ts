/** Versions of engines, as far as choosing a profile needs them. */

/** `from` belongs to the range, `before` does not; absent = open. */
export interface VersionRange {
  readonly from?: string;
  readonly before?: string;
}

/**
 * The leading numbers of a version as distributions write it: `4.3.1+ds1-8+deb12u1` is 4.3.1, `v2.0.0-rc.1` is 2.0.0.
 * Undefined when it does not begin with a number (`dev`).
 */
export function versionNumbers(text: string): readonly number[] | undefined {
  const match = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})/.exec(text.trim());
  return match?.[1]?.split('.').map(Number);
}

/** Negative, zero or positive; missing parts count as 0, so 24 equals 24.0.0. */
export function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Is the version inside any of the ranges? */
export function inRanges(version: readonly number[], ranges: readonly VersionRange[]): boolean {
  return ranges.some(({ from, before }) => {
    const low = from === undefined ? undefined : versionNumbers(from);
    const high = before === undefined ? undefined : versionNumbers(before);
    return (
      (low === undefined || compareVersions(version, low) >= 0) && (high === undefined || compareVersions(version, high) < 0)
    );
  });
}
