/** The bytes of answers, and what gets none. */
import { describe, expect, it } from 'vitest';
import { dnsAnswer } from './name-server.ts';

const question = (name: string, type: number, more: Partial<{ id: number; flags: number; count: number }> = {}): Buffer => {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(more.id ?? 0x1234, 0);
  header.writeUInt16BE(more.flags ?? 0x0100, 2);
  header.writeUInt16BE(more.count ?? 1, 4);
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([header, ...labels, Buffer.from([0, type >> 8, type & 255, 0, 1])]);
};
const known = (name: string): readonly string[] => (name === 'db' ? ['198.19.0.2', '198.19.0.3'] : []);

describe('names of a project', () => {
  it('are answered with all addresses, whatever their case', () => {
    const asked = question('DB', 1);
    const answer = dnsAnswer(asked, known)!;
    expect(answer.readUInt16BE(0)).toBe(0x1234);
    // A response, recursion desired and available, no error.
    expect(answer.readUInt16BE(2)).toBe(0x8180);
    expect([answer.readUInt16BE(4), answer.readUInt16BE(6)]).toEqual([1, 2]);
    expect(answer.subarray(12, asked.length)).toEqual(asked.subarray(12));
    const records = answer.subarray(asked.length);
    expect(records.length).toBe(32);
    expect([...records.subarray(0, 6)]).toEqual([0xc0, 12, 0, 1, 0, 1]);
    expect([...records.subarray(12, 16), ...records.subarray(28, 32)]).toEqual([198, 19, 0, 2, 198, 19, 0, 3]);
  });

  it('that nobody has do not exist; those that have no address of the kind do', () => {
    expect(dnsAnswer(question('nobody', 1), known)!.readUInt16BE(2) & 15).toBe(3);
    const six = dnsAnswer(question('db', 28), known)!;
    expect([six.readUInt16BE(2) & 15, six.readUInt16BE(6)]).toEqual([0, 0]);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a header', Buffer.alloc(7)],
    ['an answer', question('db', 1, { flags: 0x8180 })],
    ['two questions', question('db', 1, { count: 2 })],
    [
      'a label that is longer than the packet',
      Buffer.concat([question('db', 1).subarray(0, 12), Buffer.from([60, 1, 2, 3, 4, 5])]),
    ],
    ['a pointer', Buffer.concat([question('db', 1).subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])])],
    ['no end of the name', question('db', 1).subarray(0, 15)],
  ])('%s is not answered', (_, packet) => expect(dnsAnswer(packet, known)).toBeUndefined());
});
