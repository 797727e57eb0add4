/** Real server software as Debian packages it, each as an image that starts as root; and how a client finds out that it works. */
import { MAIL } from './mail.ts';
import { NETWORK } from './network.ts';
import { RANDOM } from './random.ts';
import type { Service } from './service.ts';
import { STORES } from './stores.ts';
import { WEB } from './web.ts';

export const SERVICES: readonly Service[] = [...WEB, ...STORES, ...MAIL, ...NETWORK, ...RANDOM];
/** The names that were chosen by lot. */
export const AT_RANDOM: ReadonlySet<string> = new Set(RANDOM.map(({ name }) => name));
