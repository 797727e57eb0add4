/** Proxies as curl and Go read them from the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, upper or lower case. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { isLoopback } from '../../registry-name.ts';
import { environmentOf, type RegistryOptions } from './options.ts';

/** The proxy for a URL, or undefined. This machine is never asked through one (net/http, ProxyFromEnvironment). */
export function proxyFor(url: URL, options: RegistryOptions): URL | undefined {
  const environment = environmentOf(options);
  const get = (name: string): string => environment[name.toLowerCase()] || environment[name] || '';
  if (isLoopback(url.hostname)) return undefined;
  // HTTP_PROXY in capitals is a request header of CGI programs (httpoxy); we are none unless this is set.
  const plain = environment.REQUEST_METHOD === undefined ? get('HTTP_PROXY') : (environment.http_proxy ?? '');
  const text = (url.protocol === 'https:' ? get('HTTPS_PROXY') : plain) || get('ALL_PROXY');
  if (text === '' || excluded(url, get('NO_PROXY'))) return undefined;
  try {
    const proxy = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
    return proxy.protocol === 'http:' || proxy.protocol === 'https:' ? proxy : undefined;
  } catch {
    return undefined;
  }
}

/** NO_PROXY: `*`, names and their subdomains, `.domain`, `host:port`, addresses and IPv4 ranges. */
function excluded(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const range = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(entry);
      if (range !== null) return inRange(host, range[1]!, Number(range[2]));
      const withPort = /^(.*[^:]):(\d+)$/.exec(entry);
      if (withPort !== null && withPort[2] !== port) return false;
      const name = (withPort?.[1] ?? entry)
        .replace(/^\[(.*)\]$/, '$1')
        .replace(/^\*?\./, '.')
        .toLowerCase();
      return name.startsWith('.') ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
    });
}

function inRange(host: string, network: string, bits: number): boolean {
  const number = (text: string): number | undefined => {
    const parts = text.split('.').map(Number);
    return parts.length === 4 && parts.every((part) => part >= 0 && part < 256)
      ? parts.reduce((sum, part) => sum * 256 + part, 0)
      : undefined;
  };
  const [address, base] = [number(host), number(network)];
  if (address === undefined || base === undefined || bits > 32) return false;
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) === Math.floor(base / size);
}

/** The header that a proxy with an account wants. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const account = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(account).toString('base64')}` };
}

/** The proxy without its password, for messages. */
export const shownProxy = (proxy: URL): string => `${proxy.protocol}//${proxy.host}`;

/** A connection to `url`'s host through the proxy (RFC 9110 section 9.3.6, CONNECT). */
export function tunnel(proxy: URL, url: URL, timeout: number, signal: AbortSignal | undefined): Promise<Socket> {
  const target = `${url.hostname}:${url.port || '443'}`;
  const connect = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const call = connect({
      host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyAuthorization(proxy) },
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    });
    call.setTimeout(timeout, () => call.destroy(Object.assign(new Error('the proxy does not answer'), { code: 'ETIMEDOUT' })));
    call.on('error', reject);
    call.on('response', (answer) => {
      answer.resume();
      reject(new Error(`the proxy ${shownProxy(proxy)} answered ${answer.statusCode} instead of a tunnel`));
    });
    call.on('connect', (answer, socket: Socket) => {
      if (answer.statusCode === 200) {
        socket.setTimeout(0);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new Error(`the proxy ${shownProxy(proxy)} refused the tunnel to ${target} with ${answer.statusCode}`));
    });
    call.end();
  });
}
