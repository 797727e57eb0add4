/** Content descriptors (image-spec descriptor.md) and the choice of a platform among them. */
import { UnrootError, type Where } from '../../error.ts';
import { requireDigest } from '../digest.ts';
import type { Digest, Platform } from '../image.ts';
import { fieldsOf, isObject, type JsonObject, wrong } from '../json.ts';
import { hostPlatform } from './options.ts';

export interface Descriptor {
  /** '' when missing. */
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

/** The descriptors in `manifests` of an index (or of a list a caller made look like one). */
export function readDescriptors(index: JsonObject, what: string, where: Where, field = 'manifests'): readonly Descriptor[] {
  const list = index.manifests;
  if (!Array.isArray(list)) throw wrong(what, field, 'a list', where);
  return list.map((item: unknown, i) => {
    if (!isObject(item)) throw wrong(what, `${field}[${i}]`, 'a descriptor', where);
    const fields = fieldsOf(item, what, where, `${field}[${i}].`);
    const platform = fields.object('platform');
    const size = fields.integer('size') ?? 0;
    if (size < 0) throw wrong(what, `${field}[${i}].size`, 'a size', where);
    return {
      mediaType: fields.string('mediaType') ?? '',
      digest: requireDigest(item.digest, `${what}: ${field}[${i}].digest`, where).digest,
      size,
      annotations: fields.stringMap('annotations') ?? {},
      ...(platform === undefined ? {} : { platform: readPlatform(platform, what, where) }),
    };
  });
}

function readPlatform(object: JsonObject, what: string, where: Where): Platform {
  const fields = fieldsOf(object, what, where, 'platform.');
  const variant = fields.string('variant');
  return { os: fields.string('os') ?? '', architecture: fields.string('architecture') ?? '', ...(variant ? { variant } : {}) };
}

/** The one descriptor for the platform. One that names no platform is taken when it is alone. */
export function choosePlatform(list: readonly Descriptor[], asked: Platform | undefined, where: Where): Descriptor {
  // Build records carry the platform unknown/unknown (BuildKit attestations); they are no images.
  const images = list.filter(
    (one) => one.platform?.os !== 'unknown' && one.annotations['vnd.docker.reference.type'] === undefined,
  );
  const want = asked ?? hostPlatform();
  if (images.length === 1 && images[0]!.platform === undefined) return images[0]!;
  const fits = images.filter(
    ({ platform }) =>
      platform?.os === want.os &&
      platform.architecture === want.architecture &&
      (want.variant === undefined || platform.variant === undefined || platform.variant === want.variant),
  );
  const exact = fits.find((one) => one.platform?.variant === want.variant) ?? fits[0];
  if (exact !== undefined) return exact;
  throw new UnrootError(`the image has no variant for ${platformText(want)}; it has ${describe(images)}`, {
    code: 'image.no-platform',
    where,
    expected: platformText(want),
    hint: 'Name the one you mean: --platform OS/ARCHITECTURE.',
  });
}

/** Refuses an image that is alone and made for something else than what was asked for. Without a wish any will do. */
export function requirePlatform(platform: Platform, asked: Platform | undefined, where: Where): void {
  if (asked === undefined || (platform.os === asked.os && platform.architecture === asked.architecture)) return;
  throw new UnrootError(`the image is for ${platformText(platform)} only, not for ${platformText(asked)}`, {
    code: 'image.no-platform',
    where,
    expected: platformText(asked),
    hint: 'Leave out --platform, or name an image that was built for it.',
  });
}

/** Tags and platforms of descriptors, for messages. */
export function describe(list: readonly Descriptor[]): string {
  const names = list.map(
    (one) => one.annotations['org.opencontainers.image.ref.name'] ?? (one.platform ? platformText(one.platform) : one.digest),
  );
  const unique = [...new Set(names)];
  if (unique.length === 0) return 'none';
  return unique.length > 20 ? `${unique.slice(0, 20).join(', ')} and ${unique.length - 20} more` : unique.join(', ');
}

/** `linux/arm/v7`. */
export function platformText(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined).join('/');
}
