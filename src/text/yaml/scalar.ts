/**
 * What an unquoted scalar means to Kubernetes. Every Kubernetes program reads YAML through sigs.k8s.io/yaml, whose rules are those of YAML 1.1
 * with habits of Go: `0644` and `0o644` are 420, `yes`, `on` and `y` are true, `1:30` is text. Compared with version 1.6.0 in scalar.test.ts.
 */

const WORDS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ['', null],
  ['~', null],
  ...['null', 'Null', 'NULL'].map((word): [string, null] => [word, null]),
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word): [string, boolean] => [word, true]),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word): [string, boolean] => [word, false]),
]);

/** Longest word of the table. */
const LONGEST_WORD = 5;
/** yamlStyleFloat of goyaml.v2 resolve.go. */
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
/** strconv.ParseInt with base 0: a prefix or a leading 0 sets the base. */
const INTEGER = /^([-+]?)(?:0[xX]([\da-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/;

/** The value of a plain scalar. */
export function plainValue(text: string): string | number | boolean | null {
  const first = text.charCodeAt(0);
  const digit = first >= 48 && first <= 57;
  // 43 +, 45 -, 46 .
  if (digit || first === 43 || first === 45) return numberValue(text.includes('_') ? text.replaceAll('_', '') : text, text);
  if (first === 46) return numberValue(text, text);
  if (text.length <= LONGEST_WORD) {
    const word = WORDS.get(text);
    if (word !== undefined) return word;
  }
  return text;
}

function numberValue(plain: string, text: string): string | number {
  const whole = INTEGER.exec(plain);
  if (whole !== null) {
    const [, sign, hex, binary, octal, decimal] = whole;
    const value =
      decimal !== undefined
        ? Number(decimal)
        : hex !== undefined
          ? Number.parseInt(hex, 16)
          : binary !== undefined
            ? Number.parseInt(binary, 2)
            : Number.parseInt(octal!, 8);
    // Beyond 64 bits Go falls back to a decimal float, whatever the prefix.
    if (value < 2 ** 64 || decimal !== undefined) return sign === '-' && value !== 0 ? -value : value;
  }
  if (!FLOAT.test(plain)) return text;
  const value = Number(plain);
  return Number.isFinite(value) ? value + 0 : text;
}

/** The value of a scalar that carries a tag such as `!!str`; unknown tags leave the text. */
export function taggedValue(text: string, tag: string): string | number | boolean | null {
  switch (tag.replace(/^tag:yaml\.org,2002:/, '!!')) {
    case '!!int':
    case '!!float':
    case '!!bool':
    case '!!null':
      return plainValue(text);
    case '!!binary':
      return decoded(text);
    default:
      return text;
  }
}

function decoded(text: string): string {
  try {
    return atob(text.replace(/\s/g, ''));
  } catch {
    return text; // not base64: kubectl refuses it; nothing here hangs on it
  }
}
