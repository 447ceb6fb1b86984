import { randomFillSync } from "node:crypto";

let lastTime = 0;
let counter = 0;
/** Asking the system for random bytes costs about the same for 8 as for 4096. */
const random = Buffer.alloc(4096);
let used = random.length;

/**
 * A version 7 UUID (RFC 9562): milliseconds, then a 12-bit counter, then 62 random bits. Strictly ascending within a
 * process, also when the clock stands still or goes back; across processes ascending to the millisecond.
 */
export function uuidV7(): string {
  const now = Date.now();
  if (now > lastTime) {
    lastTime = now;
    counter = 0;
  } else if (++counter > 0xfff) {
    lastTime += 1;
    counter = 0;
  }
  const time = lastTime.toString(16).padStart(12, "0");
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  random[used] = ((random[used] as number) & 0x3f) | 0x80;
  const tail = random.toString("hex", used, used + 8);
  used += 8;
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}
