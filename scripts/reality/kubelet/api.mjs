// Speaks to the API server: JSON over HTTPS with a token; the certificate is the one the server made for itself.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

const PLURALS = {
  Pod: ['/api/v1', 'pods', true],
  ConfigMap: ['/api/v1', 'configmaps', true],
  Secret: ['/api/v1', 'secrets', true],
  ServiceAccount: ['/api/v1', 'serviceaccounts', true],
  PersistentVolumeClaim: ['/api/v1', 'persistentvolumeclaims', true],
  PersistentVolume: ['/api/v1', 'persistentvolumes', false],
  Namespace: ['/api/v1', 'namespaces', false],
};

/** The URL of a collection, from an object's kind and namespace. */
export function collection({ kind, metadata }) {
  const [group, plural, namespaced] = PLURALS[kind] ?? unknown(kind);
  return namespaced ? `${group}/namespaces/${metadata?.namespace ?? 'default'}/${plural}` : `${group}/${plural}`;
}

function unknown(kind) {
  throw new Error(`no collection known for kind ${kind}`);
}

/** A client: `await api('POST', '/api/v1/…', body)` answers `{ code, body, warnings }`, whatever the code. */
export function client({ port, token, ca }) {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(ca) });
  return (method, path, body, type = 'application/json') =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
      if (text !== undefined) Object.assign(headers, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
      const sent = request({ agent, host: '127.0.0.1', port, method, path, headers, timeout: 30_000 }, (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const said = Buffer.concat(chunks).toString('utf8');
          const warnings = [answer.headers.warning ?? []].flat().flatMap(quoted);
          let parsed = said;
          if (/json/.test(answer.headers['content-type'] ?? '')) parsed = JSON.parse(said);
          resolve({ code: answer.statusCode, body: parsed, warnings });
        });
      });
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in 30 s`)));
      sent.on('error', reject);
      sent.end(text);
    });
}

/** The texts of a Warning header (RFC 7234, 5.5): `299 - "text"`, several separated by commas. */
function quoted(header) {
  return [...header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text.replaceAll(/\\(.)/g, '$1'));
}

/** Like `api`, for what must succeed. */
export async function must(api, method, path, body, type) {
  const answer = await api(method, path, body, type);
  if (answer.code >= 300) throw new Error(`${method} ${path}: ${answer.code} ${answer.body?.message ?? answer.body}`);
  return answer.body;
}
