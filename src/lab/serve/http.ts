/** The HTTP half: the page's own files, and the exchange of the token for a cookie. Everything else comes over the WebSocket. */
import { createReadStream, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import type { Access } from './access.ts';

/** Nothing from elsewhere, nothing inline, in nobody's frame, and no address handed on. */
export const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const MAX_TOKEN = 256;

/** Answers one request. `folder` holds the built page. */
export function answer(request: IncomingMessage, response: ServerResponse, access: Access, folder: string): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const path = (request.url ?? '/').split('?', 1)[0] as string;
  const head = request.method === 'HEAD';
  if (!access.isOurs(request))
    refuse(response, 403, 'This address belongs to unroot lab serve, and only its own page may ask here.');
  else if (path === '/enter') void enter(request, response, access);
  else if (request.method !== 'GET' && !head) refuse(response, 405, 'Only GET.');
  else sendFile(path === '/' ? '/index.html' : path, head, response, folder);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }).end(`${text}\n`);
}

/** POST /enter with the token as text: 204 and a cookie. A GET only says whether the cookie is good. */
async function enter(request: IncomingMessage, response: ServerResponse, access: Access): Promise<void> {
  response.setHeader('cache-control', 'no-store');
  if (request.method === 'GET') return void response.writeHead(access.hasCookie(request) ? 204 : 401).end();
  // A form of another page cannot send this type without asking first, and the answer to such a question is no.
  if (request.method !== 'POST' || request.headers['content-type'] !== 'application/x-unroot-token') {
    return refuse(response, 400, 'Expected: POST of application/x-unroot-token.');
  }
  let text = '';
  try {
    for await (const chunk of request) {
      text += String(chunk);
      if (text.length > MAX_TOKEN) {
        refuse(response, 413, 'No token is that long.');
        return void request.destroy();
      }
    }
  } catch {
    return; // The connection broke while the token was on its way: nobody is there to be answered.
  }
  if (!access.isToken(text)) return refuse(response, 401, 'Wrong token. Open the address that unroot lab serve printed.');
  response.writeHead(204, { 'set-cookie': access.cookie }).end();
}

/** Names are taken letter by letter: what the build writes has no others, so there is no way out of the folder. */
function sendFile(path: string, head: boolean, response: ServerResponse, folder: string): void {
  const type = TYPES[extname(path)];
  const plain = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,3}$/.test(path) && type !== undefined;
  const file = join(folder, path);
  const size = plain ? statSync(file, { throwIfNoEntry: false })?.size : undefined;
  if (size === undefined) {
    refuse(response, 404, 'There is no such file.');
    return;
  }
  response.writeHead(200, {
    'content-type': type,
    'content-length': size,
    // The build puts a hash into the names of everything but the page itself.
    'cache-control': path.startsWith('/assets/') ? 'private, max-age=31536000, immutable' : 'no-cache',
  });
  if (head) response.end();
  else
    createReadStream(file)
      .on('error', () => response.destroy())
      .pipe(response);
}
