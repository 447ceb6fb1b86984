import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { isAlive } from "../../server/process/process-state.ts";

test.runIf(process.platform !== "win32")("what a test started ends when the tests are killed", async () => {
  const program = `
    import { spawn } from "node:child_process";
    import { once } from "node:events";
    import { endWithTests } from "./test/support/end-with-tests.ts";
    const start = (seconds) => {
      const child = spawn("sleep", [seconds], { stdio: "ignore" });
      endWithTests(child);
      return child;
    };
    const ended = start("0");
    await once(ended, "exit");
    console.log(start("600").pid, start("600").pid);
    setInterval(() => {}, 1000);
  `;
  const tests = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(tests.stdout, "data")) as [Buffer];
  const pids = String(line).trim().split(" ").map(Number);
  expect(pids.map(isAlive)).toEqual([true, true]);
  tests.kill("SIGKILL");
  await expect.poll(() => pids.filter(isAlive)).toEqual([]);
});
