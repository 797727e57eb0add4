/** The version of the package; the build puts it in. */
declare const __UNROOT_VERSION__: string | undefined;

/** `0.1.0`; `0.0.0-source` when run from the sources. */
export const VERSION: string = typeof __UNROOT_VERSION__ === 'string' ? __UNROOT_VERSION__ : '0.0.0-source';
