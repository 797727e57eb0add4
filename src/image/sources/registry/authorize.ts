/** Answers a challenge: basic credentials, or a token from the token service (distribution, "Token Authentication Specification" and its OAuth2 form). */
import type { UnrootError } from '../../../error.ts';
import { isLoopback } from '../../registry-name.ts';
import { readBody, startOfBody } from './body.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { type Account, findAccount } from './credentials.ts';
import { askedOf, type Endpoint, mayBePlain, one } from './endpoint.ts';
import { badAnswer, rateLimited, saidBy, serverFailed, unauthorized, unreachable } from './failure.ts';
import type { Answer } from './http.ts';

export interface Grant {
  /** Of the Authorization header. */
  readonly value: string;
  /** Where the account came from, or where none was found. */
  readonly looked: string;
}

/** A token of some cloud registries is a few kilobytes. */
const TOKEN_ANSWER = 2 ** 18;
/** The specification's default. */
const TOKEN_SECONDS = 60;

const keyOf = ({ location }: Endpoint): string => `${location.host} ${location.repository}`;

/** What was granted before and has not run out. */
export function keepsAuthorization(endpoint: Endpoint): Grant | undefined {
  const known = endpoint.session.authorizations.get(keyOf(endpoint));
  return known !== undefined && known.until > Date.now() ? known : undefined;
}

/** Works out the Authorization header that the challenge asks for. `refused` is the one that did not do. */
export async function authorize(endpoint: Endpoint, header: string, said: string, refused: Grant | undefined): Promise<Grant> {
  const { pending } = endpoint.session;
  const known = keepsAuthorization(endpoint);
  if (known !== undefined && known.value !== refused?.value) return known;
  const key = keyOf(endpoint);
  const made = pending.get(key) ?? answerTo(endpoint, header, said).finally(() => pending.delete(key));
  pending.set(key, made);
  return made;
}

async function answerTo(endpoint: Endpoint, header: string, said: string): Promise<Grant> {
  const { session, location } = endpoint;
  const challenges = parseChallenges(header);
  const { account, looked } = await findAccount(location.host, location.repository, session.options);
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  const grant = (value: string, seconds: number): Grant => {
    // No line breaks and the like: a header takes none.
    if (!/^[\x20-\x7e]+$/.test(value)) throw badAnswer(askedOf(endpoint), 'its token is no text for a header');
    session.authorizations.set(keyOf(endpoint), { value, looked, until: Date.now() + seconds * 900 });
    return { value, looked };
  };
  if (account?.kind === 'registry-token') return grant(`Bearer ${account.token}`, 3600);
  if (bearer !== undefined) {
    const { token, seconds } = await fetchToken(endpoint, bearer, account, looked);
    return grant(`Bearer ${token}`, seconds);
  }
  if (challenges.some(({ scheme }) => scheme === 'basic')) {
    if (account?.kind !== 'password') throw unauthorized(askedOf(endpoint), 401, said, looked);
    return grant(basic(account.username, account.password), 3600);
  }
  throw unauthorized(askedOf(endpoint), 401, said || `it asks for ${challenges[0]?.scheme ?? 'nothing we know'}`, looked);
}

const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

async function fetchToken(
  endpoint: Endpoint,
  { parameters }: Challenge,
  account: Account | undefined,
  looked: string,
): Promise<{ readonly token: string; readonly seconds: number }> {
  const asked = askedOf(endpoint);
  const realm = realmOf(endpoint, parameters.realm ?? '');
  // Only ever what reading this image needs, whatever the challenge would like.
  const wanted: Record<string, string> = { scope: `repository:${endpoint.location.repository}:pull` };
  if (parameters.service !== undefined) wanted.service = parameters.service;
  let answer: Answer;
  try {
    if (account?.kind === 'identity-token') {
      const form = new URLSearchParams({
        ...wanted,
        grant_type: 'refresh_token',
        refresh_token: account.token,
        client_id: 'unroot',
      });
      answer = await one(endpoint, realm, { 'content-type': 'application/x-www-form-urlencoded' }, 'POST', form.toString());
    } else {
      for (const [name, value] of Object.entries(wanted)) realm.searchParams.set(name, value);
      answer = await one(
        endpoint,
        realm,
        account?.kind === 'password' ? { authorization: basic(account.username, account.password) } : {},
        'GET',
      );
    }
  } catch (error) {
    throw unreachable({ ...asked, host: realm.host }, error, undefined);
  }
  if (answer.status !== 200) throw await tokenRefused(endpoint, realm, answer, looked);
  let document: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    document = JSON.parse(Buffer.from(await readBody(answer.body, TOKEN_ANSWER)).toString('utf8'));
  } catch (cause) {
    throw badAnswer(asked, `its token service ${realm.host} does not answer with a token`, cause);
  }
  const token = document?.token || document?.access_token;
  if (typeof token !== 'string' || token === '')
    throw badAnswer(asked, `its token service ${realm.host} does not answer with a token`);
  const seconds = Number(document.expires_in);
  return { token, seconds: Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 86_400) : TOKEN_SECONDS };
}

/** The account goes there: so it must be TLS wherever the registry must. */
function realmOf(endpoint: Endpoint, text: string): URL {
  const asked = askedOf(endpoint);
  let realm: URL;
  try {
    realm = new URL(text);
  } catch (cause) {
    throw badAnswer(asked, `it asks for a token of ${JSON.stringify(text.slice(0, 200))}, which is no address`, cause);
  }
  const plain = realm.protocol === 'http:' && mayBePlain(endpoint);
  if (realm.protocol !== 'https:' && !plain)
    throw badAnswer(asked, `it asks to fetch a token over ${realm.protocol}//${realm.host}`);
  if (isLoopback(realm.hostname) && !isLoopback(endpoint.location.host))
    throw badAnswer(asked, `it asks to fetch a token from this machine, ${realm.host}`);
  return realm;
}

async function tokenRefused(endpoint: Endpoint, realm: URL, answer: Answer, looked: string): Promise<UnrootError> {
  const asked = askedOf(endpoint);
  const { text } = saidBy(await startOfBody(answer.body));
  const said = `its token service ${realm.host}${text === '' ? '' : `: ${text}`}`;
  if (answer.status === 429) return rateLimited(asked, said, undefined);
  if (answer.status >= 500) return serverFailed(asked, answer.status, said);
  return unauthorized(asked, answer.status, said, looked);
}
