/** `isimud doctor`: looks at everything that the service needs, and says what to do about what is wrong. */
import type { Command } from "commander";
import type { Finding } from "./doctor/finding.ts";
import { inLine, print, printJson } from "./output.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("Look for what is wrong, and say what to do")
    .description(
      "Looks at settings, database, tables, clocks, pools, keys and accounts, and says what to do about each. It " +
        "changes nothing, and works whether the service runs or not: an embedded database that does not run is started " +
        "meanwhile. Ends with 1 when something failed.",
    )
    .option("--json", "print JSON")
    .action(async ({ json = false }: { json?: boolean }) => {
      const findings: Finding[] = [];
      for await (const found of examine()) {
        findings.push(...found);
        if (!json) for (const finding of found) show(finding);
      }
      const worst = (["failed", "warning"] as const).find((state) => findings.some((one) => one.state === state));
      if (json) printJson({ status: worst ?? "ok", findings });
      if (worst === "failed") process.exitCode = 1;
    });
}

/** What depends on something that failed is left out. */
async function* examine(): AsyncGenerator<Finding[]> {
  const { lookAtDataDir, lookAtKey, lookAtNode, lookAtSettings } = await import("./doctor/settings.ts");
  yield [lookAtNode()];
  const { findings, config } = lookAtSettings();
  yield findings;
  if (config === null) return;
  yield await lookAtDataDir(config);
  const { lookAtService } = await import("./doctor/service-look.ts");
  yield [await lookAtService(config)];
  const { findings: ofKey, key } = lookAtKey(config);
  yield ofKey;
  const { withExistingDatabase } = await import("./doctor/existing-database.ts");
  const { lookAtDatabase, lookAtPeople } = await import("./doctor/database.ts");
  const { lookAtKeyValueRedis, lookAtPools } = await import("./doctor/pools.ts");
  yield await withExistingDatabase(config, async (url) => {
    const { findings: ofDatabase, clock } = await lookAtDatabase(url, config);
    if (clock === null) return ofDatabase;
    return [...ofDatabase, ...(await lookAtPools(url, config, key, clock)), ...(await lookAtPeople(url, config))];
  });
  yield await lookAtKeyValueRedis(config);
}

const WIDTH = { state: 9, check: 18 };

function show({ state, check, message, advice }: Finding): void {
  const words = inLine(message.replaceAll(/\s+/g, " "));
  print(`${state.padEnd(WIDTH.state)}${inLine(check).padEnd(WIDTH.check)}${words}`);
  if (advice !== null) print(`${"".padEnd(WIDTH.state + WIDTH.check)}${inLine(advice)}`);
}
