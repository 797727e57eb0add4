/** Whether a file's name is fixed: only what the image itself says, word for word, is there under that name in every run to come. */
import { baseName, parentPath } from '../linux/file-path.ts';
import { steadyName } from '../trace/volatile-name.ts';

/** What the programs of a run are made of, were told and read: bytes as text, one character each. */
export interface Texts {
  /** Scripts, configuration, words of the command line and the environment. */
  readonly plain: readonly string[];
  /** Compiled: names lie beside each other there with nothing in between, or with a NUL. */
  readonly binary: readonly string[];
}

/** Compiled code holds every short word by chance. */
const BY_CHANCE = 8;

/** A date, a time, a pid or random letters, as far as that can be told from a name alone. */
export const looksMoving = (path: string): boolean => {
  const name = baseName(path);
  return steadyName(`/${name}`) !== `/${name}` || /^\d+$/.test(name);
};

/** The name stands in one of the texts; one that looks like a date or a number counts only together with its folder. */
export function isSaid(path: string, { plain, binary }: Texts): boolean {
  const name = baseName(path);
  const wanted = looksMoving(path) ? [path, `${baseName(parentPath(path))}/${name}`] : [name];
  return (
    wanted.some((words) => plain.some((text) => stands(words, text, true))) ||
    wanted.some((words) => binary.some((text) => stands(words, text, words.length < BY_CHANCE)))
  );
}

const PART_OF_A_WORD = /[\w.%${}-]/;

/** `alone`: nothing before and after it that would make it another name. */
function stands(words: string, text: string, alone: boolean): boolean {
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + 1)) {
    if (!alone) return true;
    const [before, after] = [text[at - 1] ?? ' ', text[at + words.length] ?? ' '];
    // The full stop after a name ends a sentence, or begins another suffix.
    if (
      !PART_OF_A_WORD.test(before) &&
      !/[\w%${}-]/.test(after) &&
      !(after === '.' && /\w/.test(text[at + words.length + 1] ?? ' '))
    )
      return true;
  }
  return false;
}
