/** A path as SARIF wants it. */

/** Escaped where a URI needs it; halves of characters, which no URI can hold, are replaced. */
export const uriOf = (path: string): string => encodeURI(path.replace(/[\ud800-\udfff]/gu, '\ufffd'));
