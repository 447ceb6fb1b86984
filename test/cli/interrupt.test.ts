/** What Ctrl-C does to commands that have something to end in order. */
import { spawn } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { onInterrupt } from "../../server/cli/interrupt.ts";

const module = fileURLToPath(new URL("../../server/cli/interrupt.ts", import.meta.url));

/** A command that takes `first` milliseconds to end after the first Ctrl-C. */
function command(first: number) {
  const program = `import { untilInterrupted } from ${JSON.stringify(module)};
    const waiting = setInterval(() => {}, 1000);
    untilInterrupted().addEventListener("abort", () => {
      console.log("ending");
      setTimeout(() => clearInterval(waiting), ${first});
    });
    console.log("ready");`;
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
}

const signal = (name: string, number: number) => (process as EventEmitter).emit(name, name, number);

afterEach(() => vi.useRealTimers());

test("a second Ctrl-C ends it at once with 130", async () => {
  const child = command(3_600_000);
  const ended = once(child, "exit");
  await once(child.stdout, "data");
  child.kill("SIGINT");
  const [said] = await once(child.stdout, "data");
  expect(String(said)).toBe("ending\n");
  const again = setInterval(() => child.kill("SIGINT"), 20);
  expect(await ended).toEqual([130, null]);
  clearInterval(again);
});

test("the same Ctrl-C that comes twice, because the installed command passes it on, counts once", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const [first, again] = [vi.fn(), vi.fn()];
  const forget = onInterrupt(first, again);
  signal("SIGINT", 2);
  vi.advanceTimersByTime(50);
  signal("SIGINT", 2);
  expect([first.mock.calls, again.mock.calls]).toEqual([[[130]], []]);
  vi.advanceTimersByTime(1000);
  signal("SIGTERM", 15);
  expect([first.mock.calls, again.mock.calls]).toEqual([[[130]], [[143]]]);
  forget();
});
