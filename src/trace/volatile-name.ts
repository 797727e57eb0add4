/** Names that differ from run to run without meaning anything, brought to one form so that two runs can be compared. */

/**
 * `sess_4f9a…` → `sess_*`, `nginx.1234` → `nginx.*`, `tmpXk12aB` → `tmp*`. Only what mkstemp(3), a pid, a time or a hash leaves behind:
 * short numbers such as `8080.conf` or `php8.2` stay.
 */
export function steadyName(path: string): string {
  return path
    .replace(/\/proc\/(?:\d+|self|thread-self)(?=\/|$)/, '/proc/*')
    .replace(/\/task\/\d+(?=\/|$)/, '/task/*')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '*')
    .replace(/(?<![0-9a-z])(?=[0-9a-f]*\d)[0-9a-f]{12,}(?![0-9a-z])/gi, '*')
    .replace(/\d{4}-\d\d-\d\d(?:[T_-]?\d\d[:.-]?\d\d(?:[:.-]?\d\d)?)?/g, '*')
    .replace(/\d{5,}/g, '*')
    .replace(/([./_-])\d{2,4}(?=$|[./])(?!\/)/g, (all, mark: string) => (mark === '/' ? all : `${mark}*`))
    .split('/')
    .map(steadyPart)
    .join('/');
}

/** The six random letters of mkstemp, mktemp and Python's tempfile: at the end, upper and lower case or digits mixed. */
function steadyPart(part: string): string {
  return part.replace(/^(tmp|temp|sed|\.?[\w.-]*[._-])([A-Za-z0-9_]{6,10})$/, (all, head: string, tail: string) => {
    const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(tail)).length;
    return kinds >= 2 ? `${head}*` : all;
  });
}
