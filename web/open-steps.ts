/** Which steps stand open: their checks are the ones the server looks at. */
let open: readonly string[] = [];

export const openSteps = (): readonly string[] => open;

export function setOpenSteps(ids: readonly string[]): void {
  if (ids.join(' ') === open.join(' ')) return;
  open = ids;
  document.dispatchEvent(new Event('unroot-steps'));
}
