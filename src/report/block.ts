/** What a report looks like before anybody knows whether it becomes a terminal page or Markdown: headings, tables, lists, with meaning instead of colour. */

/** bad: root, refused, failed; good: does what it should; unknown: nobody has seen it. */
export type Tone = 'plain' | 'bad' | 'good' | 'unknown' | 'dim' | 'strong';

/** A piece of text and what it means. Text from images and files goes in as it is: the formats make it harmless. */
export type Span =
  | string
  | {
      readonly text: string;
      readonly tone: Tone;
      /** An item of the same page, by its anchor: for formats that have links. */
      readonly to?: string;
    };

/** One line of spans. */
export type Line = readonly Span[];

export type Block =
  | { readonly kind: 'heading'; readonly line: Line }
  | { readonly kind: 'paragraph'; readonly line: Line }
  /** Names on the left, values on the right. */
  | { readonly kind: 'facts'; readonly rows: readonly { readonly name: string; readonly line: Line }[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly Line[])[] }
  | {
      readonly kind: 'list';
      /** `anchor`: what links of the same page lead to it by; letters, digits and `-`. */
      readonly items: readonly { readonly line: Line; readonly sub?: readonly Line[]; readonly anchor?: string }[];
    }
  | { readonly kind: 'code'; readonly language: string; readonly text: string };

export const bad = (text: string): Span => ({ text, tone: 'bad' });
export const good = (text: string): Span => ({ text, tone: 'good' });
export const unknown = (text: string): Span => ({ text, tone: 'unknown' });
export const dim = (text: string): Span => ({ text, tone: 'dim' });
export const strong = (text: string): Span => ({ text, tone: 'strong' });

/** The text of a span without its meaning. */
export const textOf = (span: Span): string => (typeof span === 'string' ? span : span.text);

/** `1 finding`, `3 findings`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** 1536 → `1.5 KiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** An argument vector as a person would type it. */
export const commandLine = (argv: readonly string[]): string =>
  argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
