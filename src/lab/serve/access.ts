/**
 * Who may talk to the server. Any web page a browser has open can send requests to 127.0.0.1, and a name of its own can be made to point there
 * (DNS rebinding): so the Host must be a loopback name with our port, the Origin, where there is one, our own page, and everything that does or
 * shows something asks for the secret of this run.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Access {
  /** Stands behind the `#` of the address: a browser sends that part to nobody, not in a Referer either. */
  readonly token: string;
  /** Name and value of the cookie that the token is exchanged for. */
  readonly cookie: string;
  /** Whether Host and, where there is one, Origin are ours. */
  isOurs(request: IncomingMessage): boolean;
  isToken(text: string): boolean;
  hasCookie(request: IncomingMessage): boolean;
}

const LOOPBACK = ['127.0.0.1', 'localhost'];

/** Secrets are made here, new ones in every run. */
export function createAccess(port: () => number): Access {
  const token = randomBytes(24).toString('base64url');
  const secret = randomBytes(24).toString('base64url');
  // Cookies do not tell ports apart: two servers side by side need two names.
  const name = () => `unroot-lab-${port()}`;
  return {
    token,
    get cookie() {
      return `${name()}=${secret}; HttpOnly; SameSite=Strict; Path=/`;
    },
    isOurs: ({ headers: { host, origin } }) => {
      const hosts = LOOPBACK.map((one) => `${one}:${port()}`);
      if (host === undefined || !hosts.includes(host)) return false;
      return origin === undefined || origin === `http://${host}`;
    },
    isToken: (text) => same(text, token),
    hasCookie: ({ headers }) => cookies(headers.cookie).some(([key, value]) => key === name() && same(value, secret)),
  };
}

function cookies(header = ''): readonly (readonly [string, string])[] {
  return header
    .split(';')
    .slice(0, 50)
    .map((one) => {
      const at = one.indexOf('=');
      return at < 0 ? ([one.trim(), ''] as const) : ([one.slice(0, at).trim(), one.slice(at + 1).trim()] as const);
    });
}

/** Takes the same time whatever differs. */
function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
