/** Markdown of labs as text for a terminal: wrapped, code indented, emphasis as colour where there is colour. Pure. */
import type { CheckState, Lab, LabProgress, LabStep } from './lab.ts';

export interface RenderOptions {
  readonly columns: number;
  readonly color: boolean;
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Wraps text in a colour, when there is any. */
export const paint = (text: string, code: keyof typeof CODES, { color }: RenderOptions): string =>
  color ? `\u001b[${CODES[code]}m${text}\u001b[0m` : text;

/** The subset labs are written in: paragraphs, lists, fences, indented code, `code`, **bold**, *emphasis*, headings, tables as they stand. */
export function renderMarkdown(text: string, options: RenderOptions): string {
  const width = Math.max(30, Math.min(options.columns, 100));
  const out: string[] = [];
  let paragraph: string[] = [];
  let fence = '';
  const flush = (): void => {
    if (paragraph.length === 0) return;
    const [first = ''] = paragraph;
    const mark = /^(\s*(?:[-*]|\d+\.)\s+)/.exec(first)?.[1] ?? '';
    const words = paragraph.join(' ').slice(mark.length);
    out.push(
      ...wrap(words, width - mark.length, options.color).map(
        (line, index) => (index === 0 ? mark : ' '.repeat(mark.length)) + inline(line, options),
      ),
    );
    paragraph = [];
  };
  for (const line of text.split('\n')) {
    const mark = /^(`{3,}|~{3,})/.exec(line)?.[1] ?? '';
    if (fence !== '') {
      if (mark.startsWith(fence) && line.trim() === mark) fence = '';
      else out.push(`    ${paint(line, 'cyan', options)}`);
    } else if (mark !== '') {
      flush();
      fence = mark;
    } else if (line.trim() === '') {
      flush();
      if (out.length > 0 && out.at(-1) !== '') out.push('');
    } else if (/^ {4}/.test(line) && paragraph.length === 0) out.push(paint(line, 'cyan', options));
    else if (/^#+ /.test(line)) {
      flush();
      out.push(paint(line.replace(/^#+ /, ''), 'bold', options));
    } else if (line.startsWith('|')) {
      flush();
      out.push(line);
    } else {
      if (/^\s*(?:[-*]|\d+\.)\s+/.test(line)) flush();
      paragraph.push(paragraph.length === 0 ? line : line.trim());
    }
  }
  flush();
  return out.join('\n').trimEnd();
}

/** Blanks inside `code` hold together where a line allows it. */
function wrap(text: string, width: number, color: boolean): readonly string[] {
  const words = text.match(/`[^`]*`\S*|\S+/g) ?? [];
  const lines: string[] = [];
  let line = '';
  // With colour the marks are not written.
  const plain = (word: string): number => word.replace(color ? /[`*]/g : /\*/g, '').length;
  for (const word of words) {
    if (line !== '' && plain(line) + 1 + plain(word) > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

function inline(text: string, options: RenderOptions): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) =>
      part.startsWith('`') && part.endsWith('`') && part.length > 1
        ? options.color
          ? paint(part.slice(1, -1), 'cyan', options)
          : part
        : part
            .replace(/\*\*([^*]+)\*\*/g, (_, inner: string) => paint(inner, 'bold', options))
            .replace(/(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])/g, '$1')
            .replace(/\[([^\]]+)\]\(([^)]+)\)/g, '$1 ($2)'),
    )
    .join('');
}

/** Prose at the terminal's width; lines after the first stand below its text, not below its mark. */
export function wrapText(text: string, mark: string, options: RenderOptions): string {
  const width = Math.max(30, Math.min(options.columns, 100)) - mark.length;
  return wrap(text, width, options.color)
    .map((line, index) => `${index === 0 ? mark : ' '.repeat(mark.length)}${inline(line, options)}`)
    .join('\n');
}

/** What stands before a check. */
const bullet = (green: boolean): string => (green ? '  ● ' : '  ○ ');

/** Number, title, text, and what has to become green; `isGreen`: what is known to be. */
export function renderStep(
  lab: Lab,
  step: LabStep,
  options: RenderOptions,
  isGreen: (says: string) => boolean = () => false,
): string {
  const number = lab.steps.indexOf(step) + 1;
  return [
    paint(`Step ${number} of ${lab.steps.length}: ${step.title}`, 'bold', options),
    '',
    renderMarkdown(step.text, options),
    '',
    ...step.checks.map(({ says }) => {
      // Painted as a whole: a colour within would end it.
      const text = wrapText(says, bullet(isGreen(says)), { ...options, color: false });
      return isGreen(says) ? paint(text, 'green', options) : text;
    }),
    ...(isSlow(step) ? [paint('  `check` looks at them: it takes a moment.', 'dim', options)] : []),
  ].join('\n');
}

/** It has checks that are looked at only when somebody asks. */
export const isSlow = ({ checks }: LabStep): boolean =>
  checks.some(({ kind }) => kind === 'run' || kind === 'image' || kind === 'answer');

/** One line a check, with what was seen where it is red. */
export const renderStates = (states: readonly CheckState[], options: RenderOptions): string =>
  states
    .map(({ says, green, detail }) =>
      green
        ? paint(wrapText(says, bullet(true), { ...options, color: false }), 'green', options)
        : `${wrapText(says, bullet(false), { ...options, color: false })}\n    ${paint(detail, 'dim', options)}`,
    )
    .join('\n');

/** The question with its choices, numbered. */
export function renderQuiz(step: LabStep, options: RenderOptions): string {
  if (step.quiz === undefined) return '';
  return [
    renderMarkdown(step.quiz.question, options),
    ...step.quiz.choices.map(({ text }, index) => wrapText(text, `  ${index + 1}) `, options)),
    paint('answer 1, answer 2, …', 'dim', options),
  ].join('\n');
}

/** `2 of 3 steps`, `done`. */
export function renderStanding(lab: Lab, progress: LabProgress | undefined): string {
  if (progress === undefined) return '';
  if (progress.finished !== undefined) return 'finished';
  return `${progress.done.length} of ${lab.steps.length} steps`;
}
