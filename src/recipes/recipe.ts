/** What a recipe says: knowledge of one kind of program as plain data. Written in `recipes/*.yaml`, checked by `schemas/recipe.schema.json`. */

/** Lines of a configuration file, named by what they start with or look like; see {@link applyChange}. */
export type Step =
  /** Words of the program's own command line: taken off (a regular expression for the whole word), and put right behind its name. */
  | { readonly kind: 'arguments'; readonly add?: readonly string[]; readonly remove?: readonly string[] }
  | { readonly kind: 'env'; readonly set: Readonly<Record<string, string>> }
  /** Every line that matches, in every configuration file that the program read and whose path matches. No `to`: the line becomes a comment. */
  | {
      readonly kind: 'edit';
      readonly files: string;
      readonly line: string;
      readonly to?: string;
      /** What begins a comment; default `#`. */
      readonly comment?: string;
    }
  /** Lines at the end of the first configuration file read whose path matches; each only if the image has `with`. */
  | {
      readonly kind: 'append';
      readonly files: string;
      readonly lines: readonly (string | { readonly text: string; readonly with: string })[];
    }
  /** Belongs to the user, with this mode. Paths that the image does not have are left out. */
  | { readonly kind: 'own'; readonly paths: readonly string[]; readonly mode?: string }
  | { readonly kind: 'directory'; readonly paths: readonly string[]; readonly mode?: string };

/** What a change is about. The first three are about being root; the others about where something is put. */
export type Purpose = 'root-check' | 'identity' | 'chroot' | 'port' | 'pid' | 'logs' | 'cache';

/** One thing that can be tried. In texts `{uid}`, `{gid}`, `{name}`, `{group}` are the user's; `{from}` and `{to}` a port's. */
export interface RecipeChange {
  readonly for: Purpose;
  readonly title: string;
  /** The uid must have a name in /etc/passwd. */
  readonly account?: boolean;
  readonly steps: readonly Step[];
  /** A change of a port that is about these only; absent = any. */
  readonly ports?: readonly number[];
  readonly note?: string;
  /** Work that is not done any more, though the program runs: no run of ours asks for it, so nobody but the user can say whether it matters. */
  readonly loses?: string;
}

/** A program whose only work is to start another one as another user. It fails when it is not root, even if it already is that user. */
export interface PrivilegeDrop {
  readonly name: string;
  /** `words`: options, operands, then the program. `su`: a user, and a line for a shell behind -c, in any order. */
  readonly style: 'words' | 'su';
  /** How many words stand between the options and the program to start. */
  readonly operands: number;
  /** Options that take their value as the next word. */
  readonly valueOptions: readonly string[];
  /** Options whose value is a folder: each of its files is a variable of the program's environment. */
  readonly environment?: readonly string[];
  /** Options whose value is the folder that the program starts in. */
  readonly directory?: readonly string[];
  /** Asks PAM or rules of its own first, and gives up without a call that could be denied: what it reads and writes for that is no work. */
  readonly asks?: boolean;
  /** Where the behaviour is described. */
  readonly source: string;
}

export type DirectiveKind = 'chroot' | 'identity';

export interface Recipe {
  /** File name without `.yaml`. */
  readonly name: string;
  readonly about: string;
  /** Manual pages and documents that it rests on. */
  readonly source: string;
  /**
   * Matched when one of these programs runs (its file name, `*` for any letters), or all of these files are in the image. Never by the image's name.
   * `requires`: the image must have these too, for a program whose name is shared with another.
   */
  readonly match?: {
    readonly programs?: readonly string[];
    readonly requires?: readonly string[];
    readonly files?: readonly string[];
  };
  readonly changes?: readonly RecipeChange[];
  readonly drops?: readonly PrivilegeDrop[];
  /** First words of lines in any program's configuration, in lower case, `_` and `-` alike. */
  readonly directives?: Readonly<Partial<Record<DirectiveKind, readonly string[]>>>;
  /**
   * Work that it does as somebody else only when asked for it: logins, delivery, jobs. A run that nobody asks proves nothing of it. `when`: only if
   * a line of a configuration that it read says so. An empty list: it is known to have none.
   */
  readonly onRequest?: readonly { readonly work: string; readonly when?: { readonly files: string; readonly line: string } }[];
  /** No change of the image takes the place of root: which part of the work needs it, and what to do instead. */
  readonly needsRoot?: {
    readonly why: string;
    readonly instead: string;
    /** What of root its work takes, whether or not a short run does all of it: `CAP_SETUID`. */
    readonly capabilities?: readonly string[];
  };
}
