/** Makes text from images and logs harmless to a terminal: names and log lines are chosen by whoever made the image. */

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Control characters (ESC among them) and direction overrides become visible escapes; tabs and line breaks become blanks. */
export function harmless(text: string): string {
  return text.replace(/[\t\r\n]+/g, ' ').replace(CONTROL, (char) => {
    const code = char.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
