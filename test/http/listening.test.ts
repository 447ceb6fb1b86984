import { createServer } from "node:net";
import { expect, test } from "vitest";
import { findPort, holdSharedPort, listenAddress, urlHost } from "../../server/http/listening.ts";
import { explain } from "../../server/process/start-error.ts";

const said = (work: Promise<unknown>) => work.then(() => "", explain);

test.each([
  ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
  ["localhost", "127.0.0.1", "localhost"],
  ["::1", "::1", "[::1]"],
  ["[::1]", "::1", "[::1]"],
  ["0.0.0.0", "0.0.0.0", "127.0.0.1"],
  ["::", "::", "[::1]"],
])("HOST=%s listens on %s and is %s in a URL", (HOST, address, inUrl) => {
  expect([listenAddress({ HOST }), urlHost({ HOST })]).toEqual([address, inUrl]);
});

test("a port that is taken, and an address that this machine does not have, are errors that say what to do", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  expect(await said(findPort({ HOST: "127.0.0.1", PORT: port }))).toBe(
    `PORT is ${port}, but another program listens on 127.0.0.1:${port}. Stop it, or set PORT to another number.`,
  );
  taken.close();
  expect(await said(findPort({ HOST: "192.0.2.1", PORT: 0 }))).toBe(
    "HOST is 192.0.2.1, but this machine has no such address. Set HOST to another one.",
  );
});

test.runIf(process.platform === "linux")("workers of two services never share a port", async () => {
  const config = { HOST: "127.0.0.1", PORT: await findPort({ HOST: "127.0.0.1", PORT: 0 }) };
  const release = await holdSharedPort(config);
  expect(await said(holdSharedPort(config))).toContain(`PORT is ${config.PORT}, but another program listens on`);
  release();
  (await holdSharedPort(config))();
});
