/** The modes that chmod(1) and `--chmod` take, applied to what is there. */

/** Undefined: it is no mode. Symbolic ones heed the umask where nobody says whom they are for. */
export function modeAfter(text: string, old: number, directory: boolean, umask = 0o022): number | undefined {
  if (/^[0-7]{1,5}$/.test(text)) {
    const mode = Number.parseInt(text, 8) & 0o7777;
    // GNU chmod leaves set-user-ID and set-group-ID of folders alone unless the number has five digits.
    return directory && text.length <= 4 ? mode | (old & 0o6000) : mode;
  }
  let mode = old;
  for (const clause of text.split(',')) {
    const [, who = '', actions] = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause) ?? [];
    if (actions === undefined) return undefined;
    for (const [, operator, what = ''] of actions.matchAll(/([-+=])([rwxXst]*|[ugo])(?=[-+=]|$)/g))
      mode = applied(mode, who, operator!, what, directory, umask);
  }
  return mode;
}

function applied(mode: number, who: string, operator: string, what: string, directory: boolean, umask: number): number {
  const all = who === '' || who.includes('a');
  const classes = [
    { letter: 'u', shift: 6 },
    { letter: 'g', shift: 3 },
    { letter: 'o', shift: 0 },
  ].filter(({ letter }) => all || who.includes(letter));
  let bits = 0;
  for (const { letter, shift } of classes) {
    bits |= permissions(what, mode, directory) << shift;
    if (what.includes('s') && letter === 'u') bits |= 0o4000;
    if (what.includes('s') && letter === 'g') bits |= 0o2000;
  }
  if (what.includes('t') && (all || who.includes('o'))) bits |= 0o1000;
  if (who === '') bits &= ~(umask & 0o777);
  if (operator === '+') return mode | bits;
  if (operator === '-') return mode & ~bits;
  const cleared = classes.reduce((mask, { shift }) => mask | (0o7 << shift), 0);
  const special = directory
    ? 0
    : (classes.some(({ letter }) => letter === 'u') ? 0o4000 : 0) | (classes.some(({ letter }) => letter === 'g') ? 0o2000 : 0);
  return (mode & ~cleared & ~special) | bits;
}

function permissions(what: string, mode: number, directory: boolean): number {
  if (what === 'u') return (mode >> 6) & 7;
  if (what === 'g') return (mode >> 3) & 7;
  if (what === 'o') return mode & 7;
  const execute = what.includes('x') || (what.includes('X') && (directory || (mode & 0o111) !== 0));
  return (what.includes('r') ? 4 : 0) | (what.includes('w') ? 2 : 0) | (execute ? 1 : 0);
}
